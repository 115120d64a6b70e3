import type { LlliteFile } from "@lllite/format"
import { mergeLllites } from "@lllite/format/edit"
import { openPath } from "@lllite/runtime-node/files"
import type { OutputOptions } from "../lllite-file/edited-file.ts"
import { readDtype, refuseTaken, reportWritten, writeEdited } from "../lllite-file/edited-file.ts"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { UsageError } from "../terminal/errors.ts"

interface MergeCommandOptions extends OutputOptions {
  readonly ratios?: readonly string[]
  readonly dtype?: string
}

/** Writes the weighted sum of LLLites. @throws UsageError, InputError, FormatError */
export async function runMerge(files: readonly string[], options: MergeCommandOptions): Promise<string> {
  const weights = readRatios(files.length, options.ratios)
  const dtype = options.dtype === undefined ? undefined : readDtype(options.dtype)
  await refuseTaken(options)
  const sources = []
  try {
    const inputs: { file: LlliteFile; weight: number }[] = []
    for (const [i, path] of files.entries()) {
      const source = await openPath(path)
      sources.push(source)
      inputs.push({ file: await openLllite(source), weight: weights[i] as number })
    }
    const result = mergeLllites(inputs, dtype === undefined ? {} : { dtype })
    const written = await writeEdited(options, result)
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const isOne = Math.abs(sum - 1) < 1e-6
    const notes = isOne
      ? []
      : [
          `the ratios add up to ${Number(sum.toPrecision(6))}, not 1; an LLLite is not linear, so its strength changes by more.`,
        ]
    return reportWritten(written, { ratios: weights }, notes, options.json)
  } finally {
    for (const source of sources) await source.close()
  }
}

function readRatios(count: number, given: readonly string[] | undefined): readonly number[] {
  if (given === undefined) return Array.from({ length: count }, () => 1 / count)
  const texts = given.flatMap((text) => text.split(","))
  if (texts.length !== count) {
    throw new UsageError(`merge: --ratios has ${texts.length} numbers for ${count} files, expected one for each`)
  }
  return texts.map((text) => {
    const ratio = Number(text)
    if (text.trim() !== "" && Number.isFinite(ratio)) return ratio
    throw new UsageError(`merge: --ratios has "${text}", expected numbers`)
  })
}
