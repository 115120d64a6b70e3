import { join } from "node:path"
import { fitImage, type RgbImage } from "@lllite/core/image"
import { createRecipe, recipeText } from "@lllite/core/recipe"
import type { SdxlPaths } from "@lllite/runtime-node"
import { blankImage, contactSheet, drawImage, encodePng, writeAtomically, writePng } from "@lllite/runtime-node"
import { timeName } from "../log/log-folder.ts"
import type { Sample } from "./sample-plan.ts"
import type { SampleTime } from "./sample-settings.ts"

/** The pictures of a sample at a step: the control, drawn without the LLLite, and drawn with it. */
export interface SamplePictures {
  readonly sample: Sample
  readonly control: RgbImage
  readonly without: RgbImage
  readonly with: RgbImage
}

/** Where a run writes its samples, and what their settings follow from. */
export interface SampleFolder {
  /** The folder of the run. Samples are in its folder `sample`. */
  readonly outputDir: string
  readonly outputName: string
  readonly model: SdxlPaths
  /** Whether ComfyUI can load the run's LLLite, so that pictures with it hold a workflow. */
  readonly isForComfyUi: boolean
}

/** A control as the LLLite sees it in a sample. */
export function controlOf({ control, width, height }: Sample): RgbImage {
  return fitImage(control, { width, height }, "stretch")
}

/** Pictures of one height beside each other. */
export function sideBySide(images: readonly RgbImage[]): RgbImage {
  const gap = 4
  const width = images.reduce((sum, image) => sum + image.width, gap * (images.length - 1))
  const height = Math.max(...images.map((image) => image.height))
  const row = blankImage(width, height, [250, 250, 248])
  let left = 0
  for (const image of images) {
    drawImage(row, image, left, 0)
    left += image.width + gap
  }
  return row
}

/**
 * The name of a picture. Source: sd-scripts `sample_image_inference`:
 * `NAME_000200_00_20261231235959_SEED.png`, where the seed stands if the prompt names it.
 */
export function sampleName(
  { outputName }: Pick<SampleFolder, "outputName">,
  time: SampleTime | "without",
  index: number,
  sample: Sample,
  date: Date,
): string {
  const seed = sample.namesSeed ? `_${sample.seed}` : ""
  return `${outputName}_${timeText(time)}_${pad(index, 2)}_${timeName(date)}${seed}.png`
}

/**
 * Writes the pictures that the LLLite had no part in.
 *
 * @throws InputError when a file cannot be written
 */
export async function writeWithout(
  folder: SampleFolder,
  pictures: readonly (readonly [Sample, RgbImage])[],
  date: Date,
): Promise<void> {
  for (const [index, [sample, image]] of pictures.entries()) {
    const path = join(folder.outputDir, SAMPLES, sampleName(folder, "without", index, sample, date))
    await writePng(path, image, settingsText(folder, sample, null), { existing: "rename" })
  }
}

/**
 * Writes the pictures of a time: each with its settings inside, and a sheet of all of them beside their controls and the
 * pictures without the LLLite.
 *
 * @param lllite the name that the LLLite's file of this step has, for the settings
 * @returns the paths of the sheets, one for each size
 * @throws InputError when a file cannot be written
 */
export async function writeSamples(
  folder: SampleFolder,
  time: SampleTime,
  pictures: readonly SamplePictures[],
  lllite: string,
  date: Date,
): Promise<readonly string[]> {
  for (const [index, { sample, with: image }] of pictures.entries()) {
    const path = join(folder.outputDir, SAMPLES, sampleName(folder, time, index, sample, date))
    await writePng(path, image, settingsText(folder, sample, lllite), { existing: "rename" })
  }
  const sizes = new Map<string, SamplePictures[]>()
  for (const picture of pictures) {
    const key = `${picture.with.width}×${picture.with.height}`
    sizes.set(key, [...(sizes.get(key) ?? []), picture])
  }
  const sheets: string[] = []
  for (const rows of sizes.values()) {
    const sheet = contactSheet({
      title: "step" in time ? `Step ${time.step}` : `Epoch ${time.epoch}`,
      columns: ["control", "without", "with"],
      rows: rows.map(({ sample, control, without, with: image }) => ({
        images: [control, without, image],
        caption: sample.prompt,
      })),
    })
    const name = `${folder.outputName}_${timeText(time)}_sheet_${timeName(date)}.png`
    sheets.push(await writeAtomically(join(folder.outputDir, SAMPLES, name), encodePng(sheet), { existing: "rename" }))
  }
  return sheets
}

/** The folder of samples in the folder of the run. */
export const SAMPLES = "sample"

function settingsText(
  { model, isForComfyUi }: SampleFolder,
  sample: Sample,
  lllite: string | null,
): ReturnType<typeof recipeText> {
  const { prompt, negativePrompt, seed, width, height, steps, guidanceScale, sampler, controlPath } = sample
  const control = controlPath === null ? null : { file: { path: controlPath }, fit: "stretch" as const }
  return recipeText(
    createRecipe({
      ...{ prompt, negativePrompt, seed, width, height, steps, guidanceScale, sampler },
      model: {
        checkpoint: { path: model.checkpoint },
        ...(model.unet === undefined ? {} : { unet: { path: model.unet } }),
        ...(model.vae === undefined ? {} : { vae: { path: model.vae } }),
      },
      adapters: lllite === null ? [] : [{ file: { path: lllite }, control }],
    }),
    { workflow: lllite === null || isForComfyUi },
  )
}

function timeText(time: SampleTime | "without"): string {
  if (time === "without") return time
  return "step" in time ? pad(time.step, 6) : `e${pad(time.epoch, 6)}`
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0")
}
