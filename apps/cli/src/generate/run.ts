import { createHash } from "node:crypto"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { CoreError } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import { resizeImage } from "@lllite/core/image"
import { seedAfter } from "@lllite/core/names"
import type { AdapterRecipe, FileReference, Recipe } from "@lllite/core/recipe"
import { adapterOptions, jsonSeed, recipeSeed, recipeText, requestOf } from "@lllite/core/recipe"
import type { AdapterHandleUse, SdxlHandle, SdxlPaths } from "@lllite/runtime-node"
import { examineImage, InputError, pictureNotices, withPath, writePng } from "@lllite/runtime-node"
import { prepareFolder } from "../lllite-file/save-lllite.ts"
import { startRuntime } from "../model/start-runtime.ts"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import { untilStopped } from "../terminal/until-stopped.ts"
import type { GenerateSettings } from "./settings.ts"

/**
 * Generates pictures from `settings`, whose files `examineGeneration` has examined. Each is written as soon as it is complete, with its recipe inside.
 *
 * @throws InputError, FormatError, CoreError naming what is wrong; InterruptedError when stopped
 */
export async function runGenerate(settings: GenerateSettings, reporter: Reporter, signal: AbortSignal): Promise<void> {
  for (const notice of settings.notices) reporter.say("notice", { text: notice }, `Note: ${notice}`)
  const { recipe } = settings
  const reading = Promise.all(recipe.adapters.map((adapter) => readControl(adapter, recipe, reporter)))
  const controls = await untilStopped(reading, signal)
  const { checkpoint, ...parts } = pathsOf(recipe.model)
  const runtime = await startRuntime(settings.runtime, reporter, signal)
  // Nothing of a running batch can be saved, so nothing waits for its step.
  const stop = (): void => void runtime.dispose()
  signal.addEventListener("abort", stop)
  try {
    signal.throwIfAborted()
    reporter.say(
      "load",
      { checkpoint, ...parts, backend: runtime.backend },
      `Loading ${checkpoint} on ${runtime.backend} …`,
    )
    // Without --v_parameterization, the checkpoint is run as its files say.
    const asked = recipe.model.prediction === "v" ? ({ prediction: "v" } as const) : {}
    const sdxl = await runtime.loadSdxl(checkpoint, { ...asked, ...parts, signal })
    const adapters = await Promise.all(
      recipe.adapters.map(async (adapter, i) => ({
        adapter: await runtime.loadAdapter(adapter.file.path, sdxl),
        control: controls[i] as RgbImage,
        ...adapterOptions(adapter),
      })),
    )
    for (const text of [...sdxl.notices, ...adapters.flatMap(({ adapter }) => adapter.notices)]) {
      reporter.say("notice", { text }, `Note: ${text}`)
    }
    await prepareFolder(settings.outdir)
    const hashed = {
      ...recipe,
      model: { ...recipe.model, prediction: sdxl.prediction },
      adapters: await Promise.all(recipe.adapters.map(hashAdapter)),
    }
    signal.throwIfAborted()
    await writePictures(sdxl, { ...settings, recipe: hashed }, adapters, reporter, signal)
  } catch (error) {
    // The runtime was disposed because of the signal.
    throw signal.aborted && error instanceof CoreError ? signal.reason : error
  } finally {
    signal.removeEventListener("abort", stop)
    await runtime.dispose()
  }
}

function pathsOf({ checkpoint, unet, vae }: Recipe["model"]): SdxlPaths {
  return {
    checkpoint: checkpoint.path,
    ...(unet === undefined ? {} : { unet: unet.path }),
    ...(vae === undefined ? {} : { vae: vae.path }),
  }
}

/** An adapter with the hashes of its files. The checkpoint gets no hash: that would take longer than a picture. */
async function hashAdapter(adapter: AdapterRecipe): Promise<AdapterRecipe> {
  const { file, control } = adapter
  return {
    ...adapter,
    file: await hashFile(file),
    control: control === null ? null : { ...control, file: await hashFile(control.file) },
  }
}

/** Bytes that are hashed at once. */
const HASHED_BYTES = 2 ** 22

async function hashFile({ path }: FileReference): Promise<FileReference> {
  const hash = createHash("sha256")
  await withPath(path, async ({ size, read }) => {
    for (let at = 0; at < size; at += HASHED_BYTES) hash.update(await read(at, Math.min(size, at + HASHED_BYTES)))
  })
  return { path, sha256: hash.digest("hex") }
}

async function writePictures(
  sdxl: SdxlHandle,
  { recipe, pictures, vaeSlices, outdir }: GenerateSettings,
  adapters: readonly AdapterHandleUse[],
  reporter: Reporter,
  signal: AbortSignal,
): Promise<void> {
  const first = await nextNumber(outdir)
  const recipes = Array.from({ length: pictures }, (_, i) => ({
    ...recipe,
    seed: jsonSeed(seedAfter(recipeSeed(recipe), i)),
  }))
  const { options } = requestOf(recipe)
  let written = 0
  try {
    const run = sdxl.generate(
      recipes.map((each) => requestOf(each).request),
      { ...options, adapters, signal, ...(vaeSlices === undefined ? {} : { vaeSlices }) },
    )
    for await (const event of run) {
      if (event.kind === "notice") {
        reporter.say("notice", { text: event.text }, `Note: ${event.text}`)
        continue
      }
      if (event.kind === "step") {
        reporter.progress("generate", event.done, event.count)
        continue
      }
      const path = join(outdir, `im_${String(first + event.index).padStart(6, "0")}_${event.seed}.png`)
      await writePng(path, event.image, recipeText({ ...recipe, seed: jsonSeed(event.seed) }))
      written += 1
      reporter.say("file", { path, seed: jsonSeed(event.seed) }, path)
    }
  } catch (error) {
    // A picture that could not be written is told after a stop, too.
    if (!signal.aborted || error instanceof InputError) throw error
    throw new InterruptedError(`stopped. ${written} of ${pictures} pictures are written`)
  }
}

/** The first number after those of the folder's pictures, so that no file is overwritten. */
async function nextNumber(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).map((name) => Number(/^im_(\d+)_\d+\.png$/.exec(name)?.[1] ?? -1))
  return Math.max(-1, ...numbers) + 1
}

/**
 * The control picture of an LLLite. If its size differs from the picture's, it is stretched by Lanczos, as in sd-scripts.
 */
async function readControl(
  { control, file }: AdapterRecipe,
  { width, height }: Recipe,
  reporter: Reporter,
): Promise<RgbImage> {
  if (control === null)
    throw new InputError("control-missing", `"${file.path}" has no control picture. Expected one for each LLLite.`)
  const { path } = control.file
  const { image, traits } = await examineImage(path)
  for (const text of pictureNotices([{ path, traits }])) reporter.say("notice", { text }, `Note: ${text}`)
  if (image.width !== width || image.height !== height) {
    const text = `"${path}" is ${image.width}x${image.height} and is resized to ${width}x${height}.`
    reporter.say("notice", { text }, `Note: ${text}`)
  }
  return resizeImage(image, width, height, "lanczos")
}
