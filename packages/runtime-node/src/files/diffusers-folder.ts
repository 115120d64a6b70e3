import { stat } from "node:fs/promises"
import { join } from "node:path"
import { SCHEDULER_KEY } from "@lllite/format/identify"
import { InputError } from "../errors.ts"
import { readTextFile } from "./read-text.ts"

/** Bytes of the largest configuration that is read. Real ones have a few thousand. */
const MOST_BYTES = 1_000_000

/**
 * Refuses a diffusers folder of another model, by the class that its `model_index.json` names. A folder without that
 * file is taken as it is.
 *
 * @throws InputError for another model
 */
export async function expectSdxlFolder(path: string): Promise<void> {
  const { _class_name: name, unet } = await readConfiguration(join(path, "model_index.json"))
  if (typeof name !== "string" || /^StableDiffusionXL(Img2Img|ControlNet|Inpaint)?Pipeline$/.test(name)) return
  const isOther = unet === undefined || !name.startsWith("StableDiffusionXL")
  throw new InputError(
    "model-part",
    `"${path}" is a folder of ${name}, expected StableDiffusionXLPipeline. ` +
      (isOther ? "LLLite is for SDXL. Give a folder of an SDXL." : "Give a folder of an SDXL for text to image."),
  )
}

/** What a diffusers folder says about predictions and noise levels, as text pairs. Empty: it says nothing. */
export async function readScheduler(path: string): Promise<ReadonlyMap<string, string>> {
  const values = await readConfiguration(join(path, "scheduler", "scheduler_config.json"))
  const known = Object.entries(values).filter(([, value]) => typeof value === "string" || typeof value === "boolean")
  return new Map(known.map(([key, value]) => [SCHEDULER_KEY + key, String(value)]))
}

/** The fields of a JSON file. Empty where it is missing, since weights alone can be loaded. */
async function readConfiguration(path: string): Promise<Readonly<Record<string, unknown>>> {
  const size = await stat(path).then(
    (found) => (found.isFile() ? found.size : null),
    () => null,
  )
  if (size === null || size > MOST_BYTES) return {}
  const text = await readTextFile(path)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new InputError("config-syntax", `"${path}" is not valid JSON. Get a complete copy of the folder.`, { cause })
  }
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {}
}
