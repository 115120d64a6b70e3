import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import { edgeF1 } from "@lllite/core/image"
import type { Recipe } from "@lllite/core/recipe"
import { createRecipe, recipeText, requestOf } from "@lllite/core/recipe"
import { scaleEffect, type TrainState, trainedModel } from "@lllite/core/training"
import { buildLlliteMetadata } from "@lllite/format/modelspec"
import { enumerateSites, NAMED_SELECTIONS } from "@lllite/format/selections"
import type { AdapterHandleUse, SdxlHandle } from "@lllite/runtime-node"
import { contactSheet, encodePng, overlayEdges, tryOutputs, writeAtomically, writePng } from "@lllite/runtime-node"
import { cannyThresholds } from "@lllite/tiny"
import { fileDate, saveLllite, stepFileName } from "../lllite-file/save-lllite.ts"
import { startRuntime } from "../model/start-runtime.ts"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { clock } from "../terminal/progress.ts"
import { NOTHING_TO_SAVE, untilStopped } from "../terminal/until-stopped.ts"
import { BATCH_PARTS } from "../train/ranks/rank-settings.ts"
import { followTraining, saveDiverged } from "../train/run.ts"
import { readVersion } from "../version.ts"
import type { DemoSettings } from "./options.ts"
import type { EdgePair } from "./pairs.ts"
import { drawnDataset, edgesOf, heldOutPairs } from "./pairs.ts"
import { renderReport } from "./report.ts"
import { DEMO, demoRate } from "./settings.ts"

/** Contents of `result.json`. */
export interface DemoResult {
  /** Mean over the held-out controls, 2 px tolerance. */
  readonly edgeF1: { readonly without: number; readonly with: number }
  readonly seconds: { readonly train: number; readonly generate: number; readonly total: number }
  readonly peakRssMiB: number
  readonly seed: number
  readonly steps: number
  readonly backend: string
  readonly threads: number
  readonly node: string
  readonly lllite: string
  readonly pictures: readonly { readonly caption: string; readonly without: number; readonly with: number }[]
}

const LLLITE_NAME = "lllite-canny"
const EDGE_COLOUR = [230, 0, 90] as const

/**
 * Trains a Canny LLLite on the embedded tiny SDXL. Draws held-out controls with and without it, and measures how well
 * the pictures follow them. Writes the results into a folder.
 *
 * @throws InputError when the folder cannot be written; InterruptedError when stopped, after saving the LLLite so far
 */
export async function runDemo(settings: DemoSettings, reporter: Reporter, signal: AbortSignal): Promise<void> {
  const start = performance.now()
  const secondsSince = (from: number): number => Math.round((performance.now() - from) / 10) / 100
  await tryDemoFiles(settings)
  const runtime = await startRuntime({ backend: settings.backend }, reporter, signal)
  try {
    reporter.say(
      "load",
      { checkpoint: "tiny" },
      `Loading the tiny SDXL on ${runtime.backend}, ${runtime.threads} threads …`,
    )
    const sdxl = await untilStopped(runtime.loadSdxl("tiny", { signal }), signal, NOTHING_TO_SAVE)

    const trainStart = performance.now()
    const losses: number[] = []
    const state = await trainDemo(sdxl, settings, losses, reporter, signal)
    const trainSeconds = secondsSince(trainStart)
    const path = await saveDemo(state, settings, reporter)
    if (state.step < settings.steps) {
      throw new InterruptedError(
        `stopped after ${state.step} of ${settings.steps} steps. The LLLite of that step is in ${path}`,
      )
    }

    const generateStart = performance.now()
    const pairs = heldOutPairs(DEMO.heldOut)
    const recipes = {
      without: recipesOf(pairs, settings.seed, false),
      with: recipesOf(pairs, settings.seed, true),
    }
    const draw = async (): Promise<readonly (readonly RgbImage[])[]> => {
      const plain = await drawAll(sdxl, recipes.without, [], "draw without", reporter, signal)
      const adapter = await runtime.loadAdapter(trainedModel(state), sdxl)
      const adapters = [{ adapter, control: pairs.map(({ control }) => control) }]
      return [plain, await drawAll(sdxl, recipes.with, adapters, "draw with", reporter, signal)]
    }
    const [plain = [], steered = []] = await untilStopped(draw(), signal, "stopped while drawing. The LLLite is saved")
    const generateSeconds = secondsSince(generateStart)

    const pictures = pairs.map(({ caption, edges }, i) => ({
      caption,
      without: edgeF1(edgesOf(plain[i] as RgbImage), edges).f1,
      with: edgeF1(edgesOf(steered[i] as RgbImage), edges).f1,
    }))
    const result: DemoResult = {
      edgeF1: { without: mean(pictures.map((p) => p.without)), with: mean(pictures.map((p) => p.with)) },
      seconds: { train: trainSeconds, generate: generateSeconds, total: secondsSince(start) },
      peakRssMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      seed: settings.seed,
      steps: settings.steps,
      backend: runtime.backend,
      threads: runtime.threads,
      node: process.versions.node,
      lllite: `${LLLITE_NAME}.safetensors`,
      pictures,
    }
    const writing = writeResults(settings, { pairs, recipes, plain, steered, losses, result })
    const report = await untilStopped(writing, signal, "stopped while writing the results. The LLLite is saved")
    reporter.say(
      "result",
      { ...result, out: settings.out },
      [
        `Edge F1 with the LLLite ${result.edgeF1.with.toFixed(3)}, without ${result.edgeF1.without.toFixed(3)}.`,
        `Trained for ${clock(trainSeconds)}, drew for ${clock(generateSeconds)}. Peak memory: ${result.peakRssMiB} MiB.`,
        `Open ${report}`,
      ].join("\n"),
    )
  } finally {
    await runtime.dispose()
  }
}

async function trainDemo(
  sdxl: SdxlHandle,
  settings: DemoSettings,
  losses: number[],
  reporter: Reporter,
  signal: AbortSignal,
): Promise<TrainState> {
  const { seed, steps } = settings
  const { batchSize, learningRate, optimizer, siteLimit, siteKeys, strengthRange, minTimestep, maxTimestep } = DEMO
  const sites = enumerateSites(sdxl.layout, NAMED_SELECTIONS.transformerAllOutputBlocks)
  const run = sdxl.train(drawnDataset(DEMO.pairs), {
    ...DEMO.dims,
    sites: sites.filter(({ key }) => siteKeys.test(key)),
    init: "normalised",
    steps,
    batchSize,
    seed,
    learningRate,
    ...{ lr: demoRate(steps), optimizer, siteLimit },
    objective: { minTimestep, maxTimestep, strengthRange },
    shards: BATCH_PARTS,
    signal,
  })
  const following = followTraining(run, reporter, signal, ({ loss }) => void losses.push(loss))
  const scaled = (state: TrainState): TrainState => scaleEffect(state, DEMO.effect)
  return following.then(scaled, (error: unknown) =>
    saveDiverged(error, (state) => saveDemo(scaled(state), settings, reporter)),
  )
}

/** Saves the LLLite. The file's name has the step if the training is not complete. */
async function saveDemo(state: TrainState, { out, steps, force }: DemoSettings, reporter: Reporter): Promise<string> {
  if (state.step === 0) throw new InterruptedError(NOTHING_TO_SAVE)
  const name = state.step < steps ? stepFileName(LLLITE_NAME, state.step) : `${LLLITE_NAME}.safetensors`
  const metadata = buildLlliteMetadata({
    title: LLLITE_NAME,
    ...fileDate(),
    resolution: { width: DEMO.size, height: DEMO.size },
    implementationVersion: `lllite/${readVersion()}`,
    description: "Canny edges, for the tiny SDXL",
    preprocessor: "canny",
    timestepRange: [DEMO.minTimestep, DEMO.maxTimestep],
  })
  return saveLllite(join(out, name), state, { dtype: "F16", metadata, force }, reporter)
}

/** The recipes of the held-out pairs, with or without the LLLite. */
function recipesOf(pairs: readonly EdgePair[], seed: number, isSteered: boolean): readonly Recipe[] {
  const { size, samplerSteps, guidanceScale, sampler } = DEMO
  return pairs.map(({ caption }, i) =>
    createRecipe({
      prompt: caption,
      seed: seed + i,
      width: size,
      height: size,
      steps: samplerSteps,
      guidanceScale,
      sampler,
      model: { checkpoint: { path: "tiny" } },
      adapters: isSteered
        ? [
            {
              file: { path: `${LLLITE_NAME}.safetensors` },
              control: { file: { path: pictureFile(i, "control") }, fit: "stretch" },
            },
          ]
        : [],
    }),
  )
}

const SHEET = "sheet.png"
const REPORT = "report.html"
const RESULT = "result.json"
const PICTURES = "pictures"
const PICTURE_KINDS = ["control", "without", "with"] as const

/** Refuses files of an earlier demo, and a folder that cannot be written. @throws InputError */
async function tryDemoFiles({ out, force }: DemoSettings): Promise<void> {
  const pictures = Array.from({ length: DEMO.heldOut }, (_, i) =>
    PICTURE_KINDS.map((kind) => join(PICTURES, pictureFile(i, kind))),
  )
  const names = [`${LLLITE_NAME}.safetensors`, SHEET, REPORT, RESULT, ...pictures.flat()]
  const paths = names.map((name) => join(out, name))
  await tryOutputs(paths, { existing: force ? "replace" : "refuse", bytes: DEMO_BYTES })
}

/** Bytes that a demo writes at most. */
const DEMO_BYTES = 8 * 2 ** 20

function pictureFile(index: number, what: (typeof PICTURE_KINDS)[number]): string {
  return `${String(index).padStart(2, "0")}-${what}.png`
}

async function drawAll(
  sdxl: SdxlHandle,
  recipes: readonly Recipe[],
  adapters: readonly AdapterHandleUse[],
  phase: string,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<readonly RgbImage[]> {
  const requests = recipes.map(requestOf)
  const [first] = requests
  const images: RgbImage[] = []
  if (first === undefined) return images
  const run = sdxl.generate(
    requests.map(({ request }) => request),
    { ...first.options, adapters, signal },
  )
  for await (const event of run) {
    if (event.kind === "step") reporter.progress(phase, event.done, event.count)
    else if (event.kind === "image") images[event.index] = event.image
    else if (event.kind === "notice") reporter.say("notice", { text: event.text }, `Note: ${event.text}`)
  }
  return images
}

interface DemoPictures {
  readonly pairs: readonly EdgePair[]
  readonly recipes: { readonly without: readonly Recipe[]; readonly with: readonly Recipe[] }
  readonly plain: readonly RgbImage[]
  readonly steered: readonly RgbImage[]
  readonly losses: readonly number[]
  readonly result: DemoResult
}

/** Writes everything but the LLLite. Files that appeared meanwhile stay. @returns the path of the report */
async function writeResults({ out, force }: DemoSettings, pictures: DemoPictures): Promise<string> {
  const options = { existing: force ? "replace" : "rename" } as const
  const { pairs, recipes, plain, steered, losses, result } = pictures
  const rows = pairs.map(({ control, caption, edges }, i) => {
    const image = steered[i] as RgbImage
    return { images: [control, plain[i] as RgbImage, image, overlayEdges(image, edges, EDGE_COLOUR)], caption }
  })
  for (const [i, { images }] of rows.entries()) {
    for (const [j, name] of PICTURE_KINDS.entries()) {
      const recipe = name === "control" ? undefined : recipes[name][i]
      const text = recipe === undefined ? undefined : recipeText(recipe)
      await writePng(join(out, PICTURES, pictureFile(i, name)), images[j] as RgbImage, text, options)
    }
  }
  const sheet = encodePng(
    contactSheet({
      title: `Edge F1 without ${result.edgeF1.without.toFixed(2)}, with ${result.edgeF1.with.toFixed(2)}`,
      columns: ["control", "without", "with", "edges over it"],
      rows,
      across: 2,
    }),
  )
  await writeAtomically(join(out, SHEET), sheet, options)
  const report = await writeAtomically(join(out, REPORT), renderReport(reportOf(sheet, losses, result)), options)
  // This file is written last. If it exists, all others exist.
  await writeAtomically(join(out, RESULT), `${JSON.stringify(result, null, 2)}\n`, options)
  return report
}

function reportOf(
  sheet: Uint8Array,
  losses: readonly number[],
  result: DemoResult,
): Parameters<typeof renderReport>[0] {
  const { seconds } = result
  return {
    sheet,
    losses,
    edgeF1: result.edgeF1,
    pictures: result.pictures.length,
    lllite: result.lllite,
    figures: [
      ["Training", `${seconds.train} s, ${(result.steps / seconds.train).toFixed(2)} steps a second`],
      ["Drawing", `${seconds.generate} s for ${2 * result.pictures.length} pictures`],
      ["Altogether", `${seconds.total} s`],
      ["Peak memory", `${result.peakRssMiB} MiB`],
      ["Machine", `${result.backend}, ${result.threads} threads, Node ${result.node}`],
    ],
    settings: [
      ["Seed", String(result.seed)],
      ["Steps", `${result.steps} of ${DEMO.batchSize} pairs, out of ${DEMO.pairs}`],
      ["Learning rate", `${DEMO.learningRate}, and it falls to 0 in the last third`],
      ["Strengths", `${DEMO.strengthRange.min} to 1`],
      ["Aim", `${DEMO.strengthRange.floor} of the control's effect at the lowest, ${DEMO.strengthRange.top} at 1`],
      ["Effect at strength 1", `${DEMO.effect} times the trained one`],
      ["Limit of the sites", `${DEMO.siteLimit} times their layer's input`],
      ["Timesteps", `${DEMO.minTimestep} to ${DEMO.maxTimestep - 1}`],
      ["Widths", `condDim ${DEMO.dims.condDim}, mlpDim ${DEMO.dims.mlpDim}`],
      ["Control", `Canny, thresholds ${cannyThresholds.low} and ${cannyThresholds.high}`],
      ["Drawing", `${DEMO.sampler}, ${DEMO.samplerSteps} steps, guidance ${DEMO.guidanceScale}, ${DEMO.size} px`],
    ],
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
