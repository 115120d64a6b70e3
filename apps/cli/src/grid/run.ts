import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import type { Recipe } from "@lllite/core/recipe"
import { writePng } from "@lllite/runtime-node"
import type { PictureFiles } from "../generate/picture-files.ts"
import { createPictureFiles } from "../generate/picture-files.ts"
import type { PlannedPicture } from "../generate/plan-pictures.ts"
import { runGenerate } from "../generate/run.ts"
import type { Reporter } from "../terminal/progress.ts"
import { plural } from "../terminal/text.ts"
import type { GridPlan } from "./plan.ts"
import { gridSheet } from "./sheet.ts"

/** The keyword of a sheet's axes in its PNG, as JSON. */
const GRID_KEYWORD = "lllite-grid"

/**
 * Draws the cells of a sheet and then the sheet. Each cell is a file of its own, with its recipe. The sheet has the
 * recipe of its first cell, and the axes.
 *
 * @throws InputError, FormatError, CoreError naming what is wrong; InterruptedError when stopped
 */
export async function runGrid({ axes, settings }: GridPlan, reporter: Reporter, signal: AbortSignal): Promise<void> {
  const { pictures, outdir, naming } = settings
  const files = createPictureFiles(outdir, { naming })
  const images: (RgbImage | null)[] = pictures.map(() => null)
  let texts: Parameters<PictureFiles["write"]>[1] = new Map()
  for (const [isFirst, indexes] of runsOf(pictures).map((run, i) => [i === 0, run] as const)) {
    const before = files.written
    const collecting: PictureFiles = {
      get written() {
        return files.written - before
      },
      writeFirstStage: (picture, text) => files.writeFirstStage({ ...picture, index: before + picture.index }, text),
      write(picture, text) {
        const cell = indexes[picture.index] ?? 0
        images[cell] = picture.image
        if (cell === 0) texts = text
        return files.write({ ...picture, index: before + picture.index }, text)
      },
    }
    const own = indexes.map((index) => pictures[index] as PlannedPicture)
    const notices = isFirst ? settings.notices : []
    await runGenerate({ ...settings, pictures: own, notices }, reporter, signal, { files: collecting })
  }
  const { x, y } = axes
  const width = x.values.length
  const [first] = pictures
  const sheet = gridSheet({
    title: titleOf(axes, first?.recipe),
    columns: x.values.map((value) => labelOf(x.label, value)),
    rows: y === null ? [""] : y.values.map((value) => labelOf(y.label, value)),
    images: Array.from({ length: images.length / width }, (_, row) => images.slice(row * width, (row + 1) * width)),
  })
  const named = [x, ...(y === null ? [] : [y])].map(({ label, values }) => ({
    name: label,
    values: values.map(sharedValue),
  }))
  const text = new Map([...texts, [GRID_KEYWORD, JSON.stringify({ x: named[0], y: named[1] ?? null })]])
  const path = await writePng(join(outdir, "grid.png"), sheet, text, { existing: "rename" })
  reporter.say("file", { path }, path)
}

/** The cells that can be drawn in one run, because they have one model and the same adapters and controls. */
function runsOf(pictures: readonly PlannedPicture[]): readonly (readonly number[])[] {
  const runs = new Map<string, number[]>()
  for (const [index, { recipe }] of pictures.entries()) {
    const { model, adapters } = recipe
    const key = JSON.stringify([model, adapters.map(({ file, control }) => [file, control])])
    runs.set(key, [...(runs.get(key) ?? []), index])
  }
  return [...runs.values()]
}

/** A value beside the name of its axis. */
function labelOf(label: string, value: string): string {
  return `${label}: ${sharedValue(value)}`
}

/** A value without folders, if it is the path of a file. Sheets are shared. */
function sharedValue(value: string): string {
  return /[\\/]/.test(value) && /\.\w{2,12}$/.test(value) ? value.replace(/^.*[\\/]/, "") : value
}

/** What all cells have in common. */
function titleOf({ x, y }: GridPlan["axes"], recipe: Recipe | undefined): string {
  if (recipe === undefined) return ""
  const changed = new Set(
    [x, ...(y === null ? [] : [y])].flatMap(({ kind, option }) => (kind === "option" ? [option] : [kind])),
  )
  const { prompt, seed, steps, guidanceScale, sampler } = recipe
  const facts = [
    ...(changed.has("prompt") || prompt === "" ? [] : [prompt]),
    ...(changed.has("seed") ? [] : [`seed ${seed}`]),
    ...(changed.has("steps") ? [] : [plural(steps, "step")]),
    ...(changed.has("scale") ? [] : [`scale ${guidanceScale}`]),
    ...(changed.has("sampler") ? [] : [sampler]),
  ]
  return facts.join(", ")
}
