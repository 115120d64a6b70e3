import { readdir } from "node:fs/promises"
import { basename, join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import { resizeImage } from "@lllite/core/image"
import type { AdapterHandleUse, PngText, SdxlHandle } from "@lllite/runtime-node"
import { readImage, withPath, writePng } from "@lllite/runtime-node"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { prepareFolder } from "../lllite-file/save-lllite.ts"
import { checkCheckpoint } from "../model/checkpoint.ts"
import { startRuntime } from "../model/start-runtime.ts"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import type { ControlUse, GenerateSettings } from "./settings.ts"

/**
 * Generates pictures as `settings` say, each written as soon as it is there, with its settings inside.
 *
 * @throws InputError, FormatError, CoreError naming what is wrong; InterruptedError when stopped
 */
export async function runGenerate(settings: GenerateSettings, reporter: Reporter, signal: AbortSignal): Promise<void> {
  for (const notice of settings.notices) reporter.say("notice", { text: notice }, `Note: ${notice}`)
  // Everything that can be refused is looked at before a checkpoint is loaded, which takes a while.
  const guides = await Promise.all(settings.controls.map((use) => readGuide(use, settings, reporter)))
  for (const { lllite } of settings.controls) await withPath(lllite, openLllite)
  await checkCheckpoint(settings.model)
  const runtime = await startRuntime(settings.runtime, reporter)
  try {
    reporter.say(
      "load",
      { ...settings.model, backend: runtime.backend },
      `Loading ${settings.model.checkpoint} on ${runtime.backend} …`,
    )
    const { checkpoint, ...parts } = settings.model
    const sdxl = await runtime.loadSdxl(checkpoint, { prediction: settings.prediction, ...parts, signal })
    const adapters = await Promise.all(
      settings.controls.map(async ({ lllite, strength, end }, i) => ({
        adapter: await runtime.loadAdapter(lllite, sdxl),
        control: guides[i] as RgbImage,
        strength,
        end,
      })),
    )
    await prepareFolder(settings.outdir)
    await writePictures(sdxl, settings, adapters, reporter, signal)
  } finally {
    await runtime.dispose()
  }
}

async function writePictures(
  sdxl: SdxlHandle,
  settings: GenerateSettings,
  adapters: readonly AdapterHandleUse[],
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const { prompt, negativePrompt, seeds, width, height, steps, guidanceScale, sampler, outdir } = settings
  const first = await nextNumber(outdir)
  const requests = seeds.map((seed) => ({ prompt, negativePrompt, seed }))
  let written = 0
  try {
    const run = sdxl.generate(requests, {
      ...{ width, height, steps, guidanceScale, sampler, adapters, signal },
      ...(settings.vaeSlices === undefined ? {} : { vaeSlices: settings.vaeSlices }),
    })
    for await (const event of run) {
      if (event.kind === "step") {
        reporter.progress("generate", event.done, event.count)
        continue
      }
      const path = join(outdir, `im_${String(first + event.index).padStart(6, "0")}_${event.seed}.png`)
      await writePng(path, event.image, pngText(settings, event.seed))
      written += 1
      reporter.say("file", { path, seed: event.seed }, path)
    }
  } catch (error) {
    if (signal.aborted) throw new InterruptedError(`stopped; ${written} of ${seeds.length} pictures are written`)
    throw error
  }
}

/** The settings of a picture, by the keywords that sd-scripts writes, and the LLLites, which it does not name. */
export function pngText(settings: GenerateSettings, seed: number): PngText {
  const { prompt, negativePrompt, sampler, steps, guidanceScale, width, height, controls } = settings
  const text = new Map([
    ["prompt", prompt],
    ["seed", String(seed)],
    ["sampler", sampler],
    ["steps", String(steps)],
    ["scale", String(guidanceScale)],
    ["negative-prompt", negativePrompt],
    ["original-height", String(height)],
    ["original-width", String(width)],
    ["crop-top", "0"],
    ["crop-left", "0"],
    // A name and not a path: pictures are shared, and folders are nobody's business.
    ["checkpoint", basename(settings.model.checkpoint)],
  ])
  if (settings.model.unet !== undefined) text.set("unet", basename(settings.model.unet))
  if (settings.model.vae !== undefined) text.set("vae", basename(settings.model.vae))
  if (controls.length > 0) {
    const uses = controls.map(({ lllite, strength, end }) => `${basename(lllite)} strength ${strength} end ${end}`)
    text.set("control-net-lllite", uses.join("; "))
  }
  return text
}

/** Pictures are numbered on from what is in the folder, so that none is overwritten. */
async function nextNumber(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).map((name) => Number(/^im_(\d+)_\d+\.png$/.exec(name)?.[1] ?? -1))
  return Math.max(-1, ...numbers) + 1
}

/** The control picture of an LLLite, stretched to the picture's size by Lanczos when it has another, as sd-scripts does. */
async function readGuide(
  { guide }: ControlUse,
  { width, height }: GenerateSettings,
  reporter: Reporter,
): Promise<RgbImage> {
  const image = await readImage(guide)
  if (image.width !== width || image.height !== height) {
    const text = `"${guide}" is ${image.width}x${image.height} and is resized to ${width}x${height}.`
    reporter.say("notice", { text }, `Note: ${text}`)
  }
  return resizeImage(image, width, height, "lanczos")
}
