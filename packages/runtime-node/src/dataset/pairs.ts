import { readdir, readFile } from "node:fs/promises"
import { extname, join, parse } from "node:path"
import { fileError } from "../errors.ts"
import { decodeText } from "../files/read-text.ts"
import type { ImageSize } from "../images/read-image.ts"
import { IMAGE_EXTENSIONS, readImageSize } from "../images/read-image.ts"
import type { SubsetConfig } from "./dataset-config.ts"

/** A picture, its control and its caption. */
export interface Pair {
  readonly image: string
  readonly control: string
  readonly caption: string
  readonly size: ImageSize
}

/** The pairs of two folders, and their problems. */
export interface PairListing {
  readonly pairs: readonly Pair[]
  /** One sentence each, with the file and what to do. */
  readonly problems: readonly string[]
  /** Pictures without a caption file. They are trained with an empty caption. */
  readonly withoutCaption: readonly string[]
}

/** Largest difference between the aspects of a picture and its control. It allows rounded sizes, not another crop. */
const ASPECT_TOLERANCE = 0.01

/** Extensions of pictures that sd-scripts reads and this package does not. */
const OTHER_IMAGE_EXTENSIONS = [".bmp", ".avif", ".jxl"]

/**
 * Finds the pictures directly inside a folder, sorted by name. A control has the same name in the other folder, with any
 * extension. Only headers are decoded. All problems are collected.
 *
 * Source: sd-scripts `ControlNetDataset`.
 *
 * @throws InputError when a folder cannot be read
 */
export async function listPairs(config: SubsetConfig): Promise<PairListing> {
  const images = await listImages(config.imageDir)
  const controls = await listImages(config.controlDir)
  const problems = [...images.problems, ...controls.problems]
  const controlOf = new Map([...controls.names].reverse().map((name) => [parse(name).name, name]))
  const pairs: Pair[] = []
  const withoutCaption: string[] = []
  for (const name of images.names) {
    const image = join(config.imageDir, name)
    const stem = parse(name).name
    const control = controlOf.get(stem)
    if (control === undefined) {
      problems.push(
        `"${image}" has no control picture: "${join(config.controlDir, stem)}" with any extension is missing`,
      )
    }
    const caption = await attempt(problems, () => readCaption(join(config.imageDir, stem), config))
    const size = await attempt(problems, () => readImageSize(image))
    if (caption === null) withoutCaption.push(image)
    if (control === undefined || size === undefined || caption === undefined) continue
    const controlPath = join(config.controlDir, control)
    const controlSize = await attempt(problems, () => readImageSize(controlPath))
    if (controlSize === undefined) continue
    const aspects = (controlSize.width / controlSize.height / size.width) * size.height
    if (Math.abs(aspects - 1) > ASPECT_TOLERANCE) {
      const [a, b] = [controlSize, size].map(({ width, height }) => `${width}x${height}`)
      problems.push(
        `"${controlPath}" is ${a} and its picture ${b}: expected the same aspect. Make the control from the picture.`,
      )
      continue
    }
    pairs.push({ image, control: controlPath, caption: caption ?? "", size })
  }
  const stems = new Set(images.names.map((name) => parse(name).name))
  for (const name of controls.names) {
    if (stems.has(parse(name).name)) continue
    problems.push(
      `"${join(config.controlDir, name)}" has no picture of the same name in "${config.imageDir}". Remove it, or add the picture.`,
    )
  }
  if (images.names.length === 0 && images.problems.length === 0) {
    problems.push(
      `"${config.imageDir}" has no pictures, expected files with the extension ${IMAGE_EXTENSIONS.join(", ")}`,
    )
  }
  return { pairs, problems, withoutCaption }
}

async function listImages(folder: string): Promise<{ names: string[]; problems: string[] }> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw fileError("read the folder", folder, cause)
  })
  const names: string[] = []
  const problems: string[] = []
  for (const entry of entries) {
    const extension = extname(entry.name).toLowerCase()
    if (entry.isDirectory()) continue
    if ((IMAGE_EXTENSIONS as readonly string[]).includes(extension)) names.push(entry.name)
    else if (OTHER_IMAGE_EXTENSIONS.includes(extension)) {
      problems.push(
        `"${join(folder, entry.name)}" is a ${extension} picture. This format is not supported. Save it as PNG.`,
      )
    }
  }
  // By code point, which is the order of sd-scripts and the same everywhere.
  return { names: names.sort(), problems }
}

/** The caption of a picture, or null when it has no caption file. */
async function readCaption(stem: string, config: SubsetConfig): Promise<string | null> {
  const path = stem + config.captionExtension
  const bytes = await readFile(path).catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null
    throw fileError("read", path, cause)
  })
  if (bytes === null) return null
  const first =
    decodeText(bytes, path)
      .split(/\r\n|\r|\n/)[0]
      ?.trim() ?? ""
  if (first === "")
    throw fileError("use", path, new Error("its first line is empty. Write the caption there, or remove the file."))
  const { captionPrefix, captionSuffix } = config
  return `${captionPrefix ? `${captionPrefix} ` : ""}${first}${captionSuffix ? ` ${captionSuffix}` : ""}`
}

/** The result, or undefined. The reason is then added to the problems. */
async function attempt<T>(problems: string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
    return undefined
  }
}
