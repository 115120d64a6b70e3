import type { LlliteFile } from "@lllite/format"
import { mergeLllites } from "@lllite/format/edit"
import { openPath } from "@lllite/runtime-node/files"
import { reportWritten, tryOutput, writeEdited } from "../lllite-file/edited-file.ts"
import { openLllite } from "../lllite-file/open-lllite.ts"
import type { MergeSettings } from "./options.ts"

/** Writes the weighted sum of LLLites. @throws UsageError, InputError, FormatError */
export async function runMerge(files: readonly string[], options: MergeSettings, signal: AbortSignal): Promise<string> {
  const { ratios, dtype } = options
  const weights = ratios.length > 0 ? ratios : files.map(() => 1 / files.length)
  await tryOutput(options)
  const sources = []
  try {
    const inputs: { file: LlliteFile; weight: number }[] = []
    for (const [i, path] of files.entries()) {
      const source = await openPath(path, { signal })
      sources.push(source)
      inputs.push({ file: await openLllite(source), weight: weights[i] as number })
    }
    const result = mergeLllites(inputs, dtype === undefined ? {} : { dtype })
    const written = await writeEdited(options, result, signal)
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const isOne = Math.abs(sum - 1) < 1e-6
    const notes = isOne
      ? []
      : [
          `The ratios add up to ${Number(sum.toPrecision(6))}, not 1. An LLLite is not linear: its strength changes by more than that.`,
        ]
    return reportWritten(written, { ratios: weights }, notes, options.json)
  } finally {
    for (const source of sources) await source.close()
  }
}
