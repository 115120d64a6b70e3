import { compareShapes, isReadImage } from "@lllite/core/image"
import type { Remark } from "@lllite/core/names"
import { captionOfText } from "@lllite/core/training"
import type { FileProblem, FileProblemKind } from "../dataset/file-problems.ts"
import { eachInParallel } from "../dataset/in-parallel.ts"
import type { PairListing, WatchOptions } from "../dataset/pair-listing.ts"
import type { Pair, PairTable } from "../dataset/pair-table.ts"
import type { SubsetConfig } from "../dataset/subset-config.ts"
import { InputError } from "../errors.ts"
import { openRegular } from "../files/regular-file.ts"
import { type ImageHeader, type ImageSize, readImageHeader, shapeOf } from "../images/read-image.ts"
import { createShardFiles } from "./shard-files.ts"
import { shardPaths } from "./shard-paths.ts"
import { readAt, type TarEntry, tarEntries } from "./tar-entries.ts"

/** Bytes of a picture in which its header usually is. */
const HEAD = 2 ** 16

/** The longest caption file, in bytes. */
const MOST_CAPTION = 2 ** 20

/** The ending of captions in the examples of webdataset. */
const CAPTION = "txt"

/** Files of one name in a shard: what WebDataset calls a sample. */
interface Sample {
  readonly key: string
  /** By the ending of the name, from the first dot of its last part. */
  readonly files: ReadonlyMap<string, TarEntry>
}

/** A pair of a shard. */
interface Found {
  readonly image: TarEntry
  readonly control: TarEntry
  readonly caption: string
  readonly size: ImageSize
}

/** What is in a shard. */
interface Listed {
  readonly pairs: readonly Found[]
  readonly problems: readonly FileProblem[]
  readonly remarks: readonly Remark[]
}

/**
 * Finds the pairs of shards: tar archives as WebDataset writes them. Files whose names are the same up to the first dot
 * follow each other. Of these, `NAME.png` is a picture, `NAME.control.png` its control and `NAME.txt` its caption. Headers
 * and captions are read, and no picture is decoded.
 *
 * @throws the signal's reason when aborted
 */
export async function listShards(
  config: SubsetConfig & { readonly shards: NonNullable<SubsetConfig["shards"]> },
  { signal, onProgress }: WatchOptions = {},
): Promise<PairListing> {
  const { pattern } = config.shards
  const paths = await shardPaths(pattern).catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error
    return error
  })
  if (paths instanceof InputError) {
    const problems = [{ kind: "unread-folder", path: pattern, text: paths.message }] as const
    return { pairs: tableOf(config, [], []), problems, remarks: [], readable: [], entries: [] }
  }
  const listed: Listed[] = []
  let done = 0
  await eachInParallel(paths.entries(), async ([index, path]) => {
    signal?.throwIfAborted()
    listed[index] = await listShard(path, config, signal)
    onProgress?.(++done, paths.length)
  })
  const pairs = tableOf(
    config,
    paths,
    listed.map((each) => each.pairs),
  )
  const problems = listed.flatMap((each) => each.problems)
  const nothing = `"${pattern}" has no pictures, expected names such as 000001.jpg, 000001.${config.shards.control}.png and 000001.${CAPTION}`
  return {
    pairs,
    problems:
      pairs.length === 0 && problems.length === 0 ? [{ kind: "empty-folder", path: pattern, text: nothing }] : problems,
    remarks: listed.flatMap((each) => each.remarks),
    readable: [],
    entries: [],
  }
}

async function listShard(path: string, config: SubsetConfig & ShardsOf, signal?: AbortSignal): Promise<Listed> {
  const pairs: Found[] = []
  const problems: FileProblem[] = []
  const remarks: Remark[] = []
  const incomplete = new Set<string>()
  try {
    const { handle, size } = await openRegular(path)
    try {
      const read = ({ offset }: TarEntry, length: number): Promise<Buffer> => readAt(handle, offset, length)
      for await (const sample of samplesOf(tarEntries(handle, size, path), path)) {
        signal?.throwIfAborted()
        // One cause gives one problem, and not two for each pair.
        if (incomplete.has(sample.key)) return { pairs: [], problems: [apart(path, sample.key)], remarks: [] }
        const found = await pairOf(sample, path, config, read)
        if (found === null || ("problem" in found && isIncomplete(found.problem))) incomplete.add(sample.key)
        if (found === null) continue
        if ("problem" in found) problems.push(found.problem)
        else {
          pairs.push(found.pair)
          remarks.push(...found.remarks)
        }
      }
    } finally {
      await handle.close()
    }
  } catch (error) {
    // Without the decoder, no picture is at fault.
    if (!(error instanceof InputError) || error.code === "sharp-missing") throw error
    problems.push({ kind: "shard", path, text: error.message })
  }
  return { pairs, problems, remarks }
}

/** Whether the rest of a pair may lie elsewhere in the archive. */
function isIncomplete({ kind }: FileProblem): boolean {
  return kind === "unused-control" || kind === "missing-control"
}

/** The problem of an archive in which other files lie between those of a pair. */
function apart(path: string, key: string): FileProblem {
  const cure = "Write it in the order of names, as `tar --sort=name` does."
  const text = `"${path}" has other files between those of "${key}", expected files of one pair next to each other. ${cure}`
  return { kind: "shard", path, text }
}

type ShardsOf = { readonly shards: NonNullable<SubsetConfig["shards"]> }

/** Puts files together whose names are the same up to the first dot. Source: webdataset `base_plus_ext`. */
async function* samplesOf(entries: AsyncIterable<TarEntry>, path: string): AsyncGenerator<Sample, void> {
  let [key, files] = ["", new Map<string, TarEntry>()]
  for await (const entry of entries) {
    const [, own, ending] = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/s.exec(entry.name) ?? []
    // Names without a dot, and those that begin with one, are passed over, as webdataset does.
    if (own === undefined || ending === undefined) continue
    if (own !== key) {
      if (files.size > 0) yield { key, files }
      key = own
      files = new Map()
    }
    const name = ending.toLowerCase()
    if (files.has(name))
      throw new InputError("shard", `"${path}" has "${entry.name}" twice. Give each pair a name of its own.`)
    files.set(name, entry)
  }
  if (files.size > 0) yield { key, files }
}

/** The pair of a sample. Null: it has no picture. */
async function pairOf(
  { key, files }: Sample,
  path: string,
  { shards, captionExtension, classTokens, captions }: SubsetConfig & ShardsOf,
  read: (entry: TarEntry, length: number) => Promise<Buffer>,
): Promise<{ readonly pair: Found; readonly remarks: readonly Remark[] } | { readonly problem: FileProblem } | null> {
  const pictureAt = (before: string): TarEntry | undefined =>
    [...files].find(([ending]) => ending.startsWith(before) && isReadImage(`.${ending.slice(before.length)}`))?.[1]
  const image = pictureAt("")
  const control = pictureAt(`${shards.control.toLowerCase()}.`)
  const labels = { image: labelOf(path, image?.name ?? key), control: labelOf(path, control?.name ?? key) }
  const problem = (kind: FileProblemKind, where: string, text: string) => ({
    problem: { kind, path: where, text, pair: labels },
  })
  if (image === undefined) {
    if (control === undefined) return null
    return problem(
      "unused-control",
      labels.control,
      `"${labels.control}" has no picture beside it, such as "${key}.jpg"`,
    )
  }
  if (control === undefined) {
    const name = `${key}.${shards.control}.png`
    return problem("missing-control", labels.image, `"${labels.image}" has no control, expected "${name}" beside it`)
  }
  const text = files.get(captionExtension.slice(1).toLowerCase()) ?? files.get(CAPTION)
  if (text !== undefined && text.size > MOST_CAPTION) {
    return problem("caption", labels.image, `"${labelOf(path, text.name)}" has ${text.size} bytes, expected a caption`)
  }
  const { wildcard = false } = captions
  const caption = text === undefined ? null : captionOfText((await read(text, text.size)).toString("utf8"), wildcard)
  if (caption === "")
    return problem("caption", labels.image, `"${labelOf(path, text?.name ?? key)}" is empty. Write a caption there.`)
  try {
    const header = await headerOf(image, labels.image, read)
    const other = await headerOf(control, labels.control, read)
    const shape = compareShapes(shapeOf(other), shapeOf(header))
    if (shape.kind === "other") {
      const [a, b] = [other, header].map(({ width, height }) => `${width}x${height}`)
      return problem(
        "shape",
        labels.control,
        `"${labels.control}" is ${a} and its picture ${b}, expected one shape. ${shape.reason}`,
      )
    }
    const { width, height } = header
    return {
      pair: { image, control, caption: caption ?? classTokens ?? "", size: { width, height } },
      remarks: [
        ...(shape.kind === "stretched" ? [{ kind: "stretched-control", path: labels.control } as const] : []),
        ...(caption === null && classTokens === undefined ? [{ kind: "no-caption", path: labels.image } as const] : []),
      ],
    }
  } catch (error) {
    // Without the decoder, no picture is at fault.
    if (!(error instanceof InputError) || error.code === "sharp-missing") throw error
    return problem("picture", labels.image, error.message)
  }
}

async function headerOf(
  entry: TarEntry,
  name: string,
  read: (entry: TarEntry, length: number) => Promise<Buffer>,
): Promise<ImageHeader> {
  if (entry.size > HEAD) {
    const found = await readImageHeader({ name, bytes: await read(entry, HEAD) }).catch(() => null)
    // Some pictures have much before their sizes.
    if (found !== null) return found
  }
  return readImageHeader({ name, bytes: await read(entry, entry.size) })
}

/** A file of a shard in messages. */
function labelOf(path: string, name: string): string {
  return `${path}/${name}`
}

/** The pairs of shards as columns, so that a million of them take little memory. */
function tableOf(
  { captions: rules }: SubsetConfig,
  paths: readonly string[],
  shards: readonly (readonly Found[])[],
): PairTable {
  const starts = new Float64Array(shards.length)
  let length = 0
  for (const [index, pairs] of shards.entries()) {
    starts[index] = length
    length += pairs.length
  }
  const [names, controlNames, captions] = [
    new Array<string>(length),
    new Array<string>(length),
    new Array<string>(length),
  ]
  const places = new Float64Array(4 * length)
  const sizes = new Uint32Array(2 * length)
  let at = 0
  for (const pairs of shards) {
    for (const { image, control, caption, size } of pairs) {
      names[at] = image.name
      controlNames[at] = control.name
      captions[at] = caption
      places.set([image.offset, image.size, control.offset, control.size], 4 * at)
      sizes.set([size.width, size.height], 2 * at)
      at += 1
    }
  }
  const files = createShardFiles()
  const shardOf = (index: number): string => {
    let [from, to] = [0, starts.length]
    while (to - from > 1) {
      const middle = (from + to) >>> 1
      if ((starts[middle] as number) <= index) from = middle
      else to = middle
    }
    return paths[from] as string
  }
  const known = (index: number): number => {
    if (index >= 0 && index < length) return index
    throw new RangeError(`there is no pair ${index} of ${length}`)
  }
  const textAt = (index: number): Pair["text"] => ({ caption: captions[known(index)] as string, rules })
  const pairAt = (index: number): Pair => {
    const path = shardOf(known(index))
    const [image, control] = [labelOf(path, names[index] as string), labelOf(path, controlNames[index] as string)]
    const [width = 0, height = 0] = sizes.subarray(2 * index, 2 * index + 2)
    const read = async (name: string, place: number) => ({
      name,
      bytes: await files.read(path, places[4 * index + place] as number, places[4 * index + place + 1] as number),
    })
    return {
      ...{ image, control, text: textAt(index), size: { width, height } },
      bytes: { image: () => read(image, 0), control: () => read(control, 2) },
    }
  }
  return {
    length,
    blocks: [...starts].filter((start, index) => start < (starts[index + 1] ?? length)),
    at: pairAt,
    textAt,
    *[Symbol.iterator]() {
      for (let index = 0; index < length; index++) yield pairAt(index)
    },
  }
}
