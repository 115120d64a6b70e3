import type { ResizedSite } from "@lllite/format/edit"
import { resizeLllite } from "@lllite/format/edit"
import { withPath } from "@lllite/runtime-node/files"
import { reportWritten, tryOutput, writeEdited } from "../lllite-file/edited-file.ts"
import { openLllite } from "../lllite-file/open-lllite.ts"
import { createReporter } from "../terminal/progress.ts"
import { percentText } from "../terminal/text.ts"
import type { ResizeSettings } from "./options.ts"

/** Writes an LLLite with other widths and reports the error. @throws UsageError, InputError, FormatError */
export async function runResize(
  files: readonly string[],
  options: ResizeSettings,
  signal: AbortSignal,
): Promise<string> {
  const [input = ""] = files
  const { networkDim: mlpDim, condEmbDim: condDim, seed, dtype } = options
  await tryOutput(options)
  const reporter = process.stderr.isTTY ? createReporter(process.stderr) : undefined
  try {
    return await withPath(
      input,
      async (source) => {
        const result = await resizeLllite(await openLllite(source), {
          dims: { ...(mlpDim === undefined ? {} : { mlpDim }), ...(condDim === undefined ? {} : { condDim }) },
          seed,
          ...(dtype === undefined ? {} : { dtype }),
          onProgress: (done, count) => reporter?.progress("fit", done, count),
        })
        reporter?.close()
        const written = await writeEdited(options, result, signal)
        const sites = result.sites.map(({ site, relative, bound }) => ({ site: site.key, relative, bound }))
        return reportWritten(written, { error: summarise(result.sites), sites }, errorNotes(result.sites), options.json)
      },
      { signal },
    )
  } finally {
    reporter?.close()
  }
}

interface ErrorSummary {
  readonly median: number
  readonly largest: number
  readonly medianBound: number
}

function summarise(sites: readonly ResizedSite[]): ErrorSummary {
  const sorted = (values: readonly number[]): readonly number[] => [...values].sort((a, b) => a - b)
  const errors = sorted(sites.map(({ relative }) => relative))
  const bounds = sorted(sites.map(({ bound }) => bound))
  const middle = Math.floor(sites.length / 2)
  return { median: errors[middle] ?? 0, largest: errors.at(-1) ?? 0, medianBound: bounds[middle] ?? 0 }
}

function errorNotes(sites: readonly ResizedSite[]): string[] {
  const { median, largest, medianBound } = summarise(sites)
  if (largest < 1e-6) return ["The result computes the same as the file. On samples they differ only by rounding."]
  const worst = sites.find(({ relative }) => relative === largest)?.site.path ?? ""
  return [
    `The error on samples is ${percentText(median)} at the median site. It is at most ${percentText(largest)} (${worst}).`,
    `The least error that any LLLite of this width can have is ${percentText(medianBound)} at the median site. Samples are not pictures: draw some before you use the file.`,
  ]
}
