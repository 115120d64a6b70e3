import { type FloatDtype, llliteOf, openSafetensors } from "@lllite/format"
import {
  compareLllites,
  convertSafetensors,
  type LlliteDifference,
  mergeLllites,
  type ResizedSite,
  resizeLllite,
  type SafetensorsContents,
} from "@lllite/format/edit"
import { expectLllite } from "@lllite/format/identify"
import { safetensorsChunks } from "@lllite/format/write"
import { PageError, type Sentence, sentence } from "../../language/sentence.ts"

/** What is done with files. */
export type EditTask =
  | { readonly kind: "convert"; readonly file: File; readonly dtype: FloatDtype }
  | { readonly kind: "resize"; readonly file: File; readonly condDim: number; readonly mlpDim: number }
  | { readonly kind: "merge"; readonly files: readonly File[]; readonly weights: readonly number[] }
  | { readonly kind: "diff"; readonly files: readonly [File, File] }

/** What came of it: a new file, or how two files differ. */
export type EditResult =
  | {
      readonly kind: "file"
      readonly name: string
      readonly blob: Blob
      /** What is to be said of it, one sentence each. */
      readonly notices: readonly Sentence[]
    }
  | { readonly kind: "diff"; readonly names: readonly [string, string]; readonly difference: FileDifference }

/** How two LLLites differ, in a form that a worker can send. */
export interface FileDifference {
  readonly isSame: boolean
  readonly count: number
  readonly onlyFirst: readonly string[]
  readonly onlySecond: readonly string[]
  /** Sites that differ, with shares of the first file's values. Null: the widths differ. */
  readonly sites: readonly {
    readonly path: string
    readonly relative: number | null
    readonly cosine: number | null
    readonly output: number | null
  }[]
  readonly metadata: LlliteDifference["metadata"]
}

/** Parts of a file are put together after this many bytes, so that the browser can move them to the disk. */
const TOGETHER = 64 * 2 ** 20

/**
 * Does something with safetensors files.
 *
 * @param onProgress parts that are done, of all
 * @throws FormatError that names the file and what is wrong
 */
export async function editFile(task: EditTask, onProgress: (done: number, count: number) => void): Promise<EditResult> {
  if (task.kind === "diff") {
    const [first, second] = task.files
    return { kind: "diff", names: [first.name, second.name], difference: await differenceOf(first, second) }
  }
  if (task.kind === "convert") {
    const { file, dtype } = task
    const contents = await convertSafetensors(file, { dtype })
    const { converted, kept } = contents
    const notices = [
      sentence("files", "converted", converted, contents.tensors.size, dtype),
      ...(kept.length === 0 ? [] : [sentence("files", "dtypesKept", kept.length, kept[0] ?? "")]),
    ]
    return { kind: "file", name: named(file, dtype.toLowerCase()), blob: await written(contents, onProgress), notices }
  }
  if (task.kind === "resize") {
    const { file, condDim, mlpDim } = task
    const resized = await resizeLllite(await openLllite(file), { dims: { condDim, mlpDim }, onProgress })
    const blob = await written(resized, () => {})
    return { kind: "file", name: named(file, `${condDim}-${mlpDim}`), blob, notices: resizeNotices(resized.sites) }
  }
  const { files, weights } = task
  const inputs = await Promise.all(
    files.map(async (file, i) => ({ file: await openLllite(file), weight: weights[i] ?? 0 })),
  )
  const [first] = files
  if (first === undefined) throw new PageError(sentence("files", "noFile"))
  const blob = await written(mergeLllites(inputs), onProgress)
  const parts = files.map(({ name }, i) => `${weights[i]} × ${name}`)
  return { kind: "file", name: named(first, "merged"), blob, notices: [sentence("files", "merged", parts)] }
}

async function openLllite(file: File) {
  const opened = await openSafetensors(file)
  expectLllite(opened)
  return llliteOf(opened)
}

async function written(
  { tensors, metadata }: SafetensorsContents,
  onProgress: (done: number, count: number) => void,
): Promise<Blob> {
  let whole = new Blob([])
  let parts: Uint8Array<ArrayBuffer>[] = []
  let [size, done] = [0, 0]
  const join = (): void => {
    whole = new Blob([whole, ...parts])
    parts = []
    size = 0
  }
  for await (const part of safetensorsChunks(tensors, metadata)) {
    parts.push(part as Uint8Array<ArrayBuffer>)
    size += part.byteLength
    if (size > TOGETHER) join()
    onProgress(Math.min(done++, tensors.size), tensors.size)
  }
  join()
  return new Blob([whole], { type: "application/octet-stream" })
}

/** The name of a file that was made of another one. */
function named({ name }: File, what: string): string {
  return `${name.replace(/\.safetensors$/i, "")}-${what}.safetensors`
}

function resizeNotices(sites: readonly ResizedSite[]): readonly Sentence[] {
  const errors = sites.map(({ relative }) => relative).sort((a, b) => a - b)
  const [median = 0, largest = 0] = [errors[Math.floor(errors.length / 2)], errors.at(-1)]
  // Rounding alone.
  if (largest < 1e-6) return [sentence("files", "computesTheSame")]
  return [
    sentence("files", "sampleError", percent(median), percent(largest)),
    sentence("files", "samplesAreNotPictures"),
  ]
}

/** A share in words. */
export function percent(share: number): string {
  return `${(100 * share).toLocaleString("en", { maximumSignificantDigits: 3 })} %`
}

async function differenceOf(first: File, second: File): Promise<FileDifference> {
  const { onlyFirst, onlySecond, sites, metadata } = await compareLllites(
    await openLllite(first),
    await openLllite(second),
    { deltas: true },
  )
  const differing = sites.filter(({ parameters }) => parameters?.relative !== 0)
  return {
    isSame: onlyFirst.length + onlySecond.length + differing.length + metadata.length === 0,
    count: sites.length,
    onlyFirst: onlyFirst.map(({ path }) => path),
    onlySecond: onlySecond.map(({ path }) => path),
    sites: differing.map(({ site, parameters, delta }) => ({
      path: site.path,
      relative: parameters?.relative ?? null,
      cosine: parameters?.cosine ?? null,
      output: delta,
    })),
    metadata,
  }
}
