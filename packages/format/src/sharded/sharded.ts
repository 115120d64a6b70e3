import { FormatError, show } from "../errors.ts"
import type { SafetensorsHeader, TensorInfo } from "../safetensors/header-contents.ts"
import type { SafetensorsFile } from "../safetensors/read.ts"
import { openSafetensors } from "../safetensors/read.ts"
import type { SourceLike } from "../source.ts"
import { readExactly, toSource } from "../source.ts"

/** A checkpoint in several files, as one. Positions of tensors are those in their files. */
export interface ShardedSafetensors
  extends Pick<SafetensorsFile, "label" | "size" | "read" | "readInto" | "readFloat32">,
    Pick<SafetensorsHeader, "tensors" | "metadata"> {
  /** The files by name, in the order of the index. */
  readonly shards: ReadonlyMap<string, SafetensorsFile>
}

/** The largest accepted index, which has about a million tensors. */
const MAX_INDEX_BYTES = 128 * 2 ** 20
const MAX_SHARDS = 10_000
/** The number of files that are opened at once. */
const PARALLEL = 4

/**
 * Opens a checkpoint by its `*.safetensors.index.json`. It reads every file's header, and compares it with the index in
 * both directions.
 *
 * @param openShard opens a file of the index. The files are beside the index, and their names have no folder
 * @throws FormatError `index` when the text is not an index, or disagrees with the files; and the errors of opening a
 * file
 */
export async function openSharded(
  index: SourceLike,
  openShard: (name: string) => Promise<SourceLike>,
): Promise<ShardedSafetensors> {
  const source = toSource(index)
  const { label } = source
  if (source.size > MAX_INDEX_BYTES) {
    throw new FormatError("index", `the index has ${source.size} bytes, expected at most ${MAX_INDEX_BYTES}`, {
      source: label,
    })
  }
  const shardOf = parseIndex(await readExactly(source, 0, source.size), label)
  const names = [...new Set(shardOf.values())]
  const opened = await inParallel(names, async (name) => openSafetensors(await openShard(name)))
  const shards = new Map(names.map((name, i) => [name, opened[i] as SafetensorsFile]))

  const tensors = new Map<string, TensorInfo>()
  for (const [name, shard] of shardOf) {
    const info = shards.get(shard)?.tensors.get(name)
    if (info === undefined) throw disagreement(label, name, `it is in ${show(shard)}, but that file has no such tensor`)
    tensors.set(name, info)
  }
  for (const [shard, file] of shards) {
    for (const name of file.tensors.keys()) {
      if (shardOf.get(name) === shard) continue
      throw disagreement(label, name, `the file ${show(shard)} has it, but the index does not name it there`)
    }
  }
  const holder = (name: string): SafetensorsFile => {
    const file = shards.get(shardOf.get(name) ?? "")
    if (file !== undefined) return file
    throw new FormatError("tensor-unknown", `the files have ${tensors.size} tensors, but none of this name`, {
      source: label,
      tensor: name,
    })
  }
  return {
    label,
    shards,
    tensors,
    metadata: new Map(opened.flatMap((file) => [...file.metadata])),
    size: opened.reduce((sum, file) => sum + file.size, 0),
    read: async (name) => holder(name).read(name),
    readInto: async (name, target) => holder(name).readInto(name, target),
    readFloat32: async (name) => holder(name).readFloat32(name),
  }
}

function disagreement(label: string, tensor: string, what: string): FormatError {
  const message = `the index and the files disagree: ${what}. Fetch them again, all of one revision.`
  return new FormatError("index", message, { source: label, tensor })
}

/** Which file holds each tensor. */
function parseIndex(bytes: Uint8Array, label: string): ReadonlyMap<string, string> {
  const refuse = (what: string): FormatError =>
    new FormatError("index", `expected a safetensors index, an object with "weight_map": ${what}`, { source: label })
  let index: unknown
  try {
    index = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : String(cause))
  }
  const map = isRecord(index) ? index.weight_map : undefined
  if (!isRecord(map)) throw refuse("there is none")
  const shardOf = new Map<string, string>()
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== "string") throw refuse(`the file of ${show(name)} is not text`)
    // A name with a folder could point to any place on the disk, or to any server.
    if (!/^[^/\\:?#%]+\.safetensors$/.test(shard) || shard.startsWith(".")) {
      throw refuse(`${show(shard)} is not the name of a .safetensors file beside it`)
    }
    shardOf.set(name, shard)
  }
  const count = new Set(shardOf.values()).size
  if (count === 0 || count > MAX_SHARDS) throw refuse(`it names ${count} files, expected 1 to ${MAX_SHARDS}`)
  return shardOf
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const run = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++
      results[i] = await work(items[i] as T)
    }
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, run))
  return results
}
