import { join } from "node:path"
import { type RgbImage, resizeImage } from "@lllite/core/image"
import { encodePng, InputError, writeAtomically } from "@lllite/runtime-node"
import { lossCurve } from "../../report/loss-curve.ts"
import { escapeHtml, pngUrl, reportPage, table } from "../../report/page.ts"
import { clock, type Reporter } from "../../terminal/progress.ts"
import type { RunObserver, StepRecord } from "../observer.ts"
import type { SampleSet } from "../samples/run-samples.ts"
import type { StepHistory } from "../step-history.ts"
import type { ValidationRecord } from "../validation/run-validation.ts"

/** The run that a report is about. */
export interface ReportedRun {
  readonly outputDir: string
  readonly outputName: string
  /** Whether the report of an earlier run is replaced. */
  readonly replaces: boolean
  readonly steps: number
  readonly history: Pick<StepHistory, "length" | "losses">
  /** Names and values of settings, in order. */
  readonly settings: readonly (readonly [name: string, value: string])[]
  /** The backend, and what it runs on. */
  readonly machine: string
  readonly reporter: Reporter
}

/** What a report is made of. */
export interface ReportContents extends Pick<ReportedRun, "outputName" | "steps" | "settings"> {
  /** The losses of all steps so far. */
  readonly losses: readonly number[]
  readonly figures: readonly (readonly [name: string, value: string])[]
  readonly validations: readonly ValidationRecord[]
  /** The sets that are shown, in order. */
  readonly samples: readonly SampleSet[]
}

/** The longest side of a picture in a report, in pixels. */
const LONGEST_SIDE = 384
/** The most points of a curve. */
const MOST_POINTS = 1500
/** Steps in the running mean of the loss. */
const WINDOW = 25

/**
 * Writes a report of a run at its end: its losses, its samples, what held-out pairs say, and what it cost. It is one HTML
 * file. A run that ended before its first step has none.
 */
export function reportRun(run: ReportedRun): RunObserver {
  const validations: ValidationRecord[] = []
  let [first, last]: [SampleSet | null, SampleSet | null] = [null, null]
  let [count, timed, seconds, memory] = [0, 0, 0, 0]
  return {
    step(record: StepRecord) {
      count += 1
      memory = Math.max(memory, record.memoryMiB ?? 0)
      if (record.seconds === null) return
      timed += 1
      seconds += record.seconds
    },
    validation: (record) => void validations.push(record),
    samples(set) {
      first ??= set
      last = set
    },
    async close() {
      if (count === 0) return
      const { outputDir, outputName, replaces, steps, settings, history, machine, reporter } = run
      const figures: (readonly [string, string])[] = [
        ["Steps", `${history.length} of ${steps}`],
        ...(timed === 0 ? [] : [["Time for a step", `${(seconds / timed).toPrecision(3)} s`] as const]),
        ["Time of the steps", clock(seconds)],
        ["Largest memory after a step", `${Math.round(memory)} MiB`],
        ["Machine", machine],
      ]
      const samples = [first, last].filter((set, i, all) => set !== null && all.indexOf(set) === i) as SampleSet[]
      const contents = { outputName, steps, settings, losses: history.losses, figures, validations, samples }
      try {
        const path = join(outputDir, reportName(outputName))
        const written = await writeAtomically(path, renderRunReport(contents), {
          existing: replaces ? "replace" : "rename",
        })
        reporter.say("report", { path: written }, `Report: ${written}`)
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        const text = `the report is not written: ${error.message}`
        reporter.say("notice", { text }, `Note: ${text}`)
      }
    },
  }
}

/** The name of a run's report. */
export function reportName(outputName: string): string {
  return `${outputName}-report.html`
}

/** The report as HTML. */
export function renderRunReport(contents: ReportContents): string {
  const { outputName, losses, steps, validations, samples, figures, settings } = contents
  const measured = validations.at(-1)
  const state = losses.length >= steps ? `${steps} steps` : `${losses.length} of ${steps} steps`
  return reportPage(
    `LLLite: ${outputName}`,
    [
      `<h1>${escapeHtml(outputName)}, after ${state}</h1>`,
      measured === undefined ? "" : scoreOf(measured),
      ...samples.map(samplesOf),
      "<h2>Loss</h2>",
      '<p class="note">Each step, and the running mean. Timesteps are random, so a single loss says little.</p>',
      lossCurve(thinned(losses), WINDOW, losses.length),
      validations.length === 0 ? "" : `<h2>Held-out pairs</h2>${validationTable(validations)}`,
      "<h2>Figures</h2>",
      table(figures),
      "<h2>Settings</h2>",
      table(settings),
    ].join("\n"),
  )
}

function scoreOf({ loss, lossWithout, follow }: ValidationRecord): string {
  const cells: readonly (readonly [string, string])[] =
    follow === null
      ? [
          [lossWithout.toPrecision(3), "held-out loss without the LLLite"],
          [loss.toPrecision(3), "held-out loss with it"],
        ]
      : [
          [follow.without.toFixed(2), "following of held-out controls, without the LLLite"],
          [follow.with.toFixed(2), "with it"],
        ]
  const note =
    follow === null
      ? ""
      : `<p class="note">The score is ${MEASURES[follow.name]}. It is ${follow.real.toFixed(2)} for the real pictures, and ${follow.chance.toFixed(2)} for pictures of other controls.</p>`
  const scores = cells.map(([value, name]) => `<div><strong>${value}</strong><span>${name}</span></div>`)
  return `<section class="score" aria-label="Result">${scores.join("")}</section>${note}`
}

const MEASURES = {
  edges: "edge F1, within 2 pixels",
  brightness: "the correlation of the brightness",
  slopes: "the correlation of the slopes of the brightness",
} as const

function samplesOf({ step, pictures }: SampleSet): string {
  const rows = pictures.map(({ sample: { prompt }, control, without, with: image }) => {
    const shown = [control, without, image].map((one, i) => {
      const { width, height, url } = pictureOf(one)
      return `<td><img src="${url}" width="${width}" height="${height}" alt="${SHOWN[i]}: ${escapeHtml(prompt)}"></td>`
    })
    return `<tr>${shown.join("")}</tr><tr><td colspan="3" class="note">${escapeHtml(prompt)}</td></tr>`
  })
  const heads = SHOWN.map((name) => `<th scope="col">${name}</th>`).join("")
  return `<h2>Samples of step ${step}</h2><table><tr>${heads}</tr>${rows.join("")}</table>`
}

const SHOWN = ["control", "without the LLLite", "with it"] as const

function pictureOf(image: RgbImage): { readonly width: number; readonly height: number; readonly url: string } {
  const factor = Math.min(1, LONGEST_SIDE / Math.max(image.width, image.height))
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * factor))) as [
    number,
    number,
  ]
  const small = factor === 1 ? image : resizeImage(image, width, height, "lanczos")
  return { width, height, url: pngUrl(encodePng(small)) }
}

function validationTable(validations: readonly ValidationRecord[]): string {
  const heads = ["step", "loss", "without the LLLite", "following", "without the LLLite"]
  const rows = validations.map(({ step, loss, lossWithout, follow }) => {
    const followed = follow === null ? ["–", "–"] : [follow.with.toFixed(3), follow.without.toFixed(3)]
    const cells = [String(step), loss.toPrecision(4), lossWithout.toPrecision(4), ...followed]
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`
  })
  return `<table><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr>${rows.join("")}</table>`
}

/** The means of as many neighbours as a curve needs to have few points. */
function thinned(losses: readonly number[]): readonly number[] {
  const every = Math.max(1, Math.ceil(losses.length / MOST_POINTS))
  if (every === 1) return losses
  return Array.from({ length: Math.ceil(losses.length / every) }, (_, i) => {
    const part = losses.slice(i * every, (i + 1) * every)
    return part.reduce((sum, loss) => sum + loss, 0) / part.length
  })
}
