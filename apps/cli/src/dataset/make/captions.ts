import { readdir } from "node:fs/promises"
import { basename, join, parse } from "node:path"

/** Captions beside pictures. */
export interface FoundCaptions {
  /** With its dot. */
  readonly extension: string
  /** The caption file of each picture, in order. Null: there is none. */
  readonly paths: readonly (string | null)[]
}

/** Extensions that trainers use, the most common first. */
const EXTENSIONS = [".txt", ".caption"] as const

/** Finds captions beside pictures of one folder. @param extension undefined: what most of the pictures have */
export async function findCaptions(
  folder: string,
  pictures: readonly string[],
  extension: string | undefined,
): Promise<FoundCaptions> {
  const names = new Set(await readdir(folder))
  const find = (ending: string): FoundCaptions => ({
    extension: ending,
    paths: pictures.map((path) => {
      const name = parse(basename(path)).name + ending
      return names.has(name) ? join(folder, name) : null
    }),
  })
  if (extension !== undefined) return find(extension.startsWith(".") ? extension : `.${extension}`)
  const count = ({ paths }: FoundCaptions): number => paths.filter((path) => path !== null).length
  return EXTENSIONS.map(find).reduce((best, each) => (count(each) > count(best) ? each : best))
}
