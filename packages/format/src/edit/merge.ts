import { expectArgument, expectOpenLllite } from "../argument.ts"
import { FormatError } from "../errors.ts"
import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import type { SiteTensorName } from "../lllite/tensors.ts"
import { siteTensorKey } from "../lllite/tensors.ts"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { compareSites } from "../selections/compare-sites.ts"
import { llliteTensors } from "../write/lllite.ts"
import type { SafetensorsContents } from "./contents.ts"
import { metadataOfChanged, storedDtype } from "./contents.ts"

/** An LLLite and its share in a merge. */
export interface MergeInput {
  readonly file: LlliteFile
  readonly weight: number
}

/** Options of {@link mergeLllites}. */
export interface MergeOptions {
  /** The dtype of the result. Default: the first file's. */
  readonly dtype?: FloatDtype
}

/**
 * The weighted sum of LLLites, parameter by parameter, in float64. It works well to average checkpoints of one training.
 * An LLLite is not linear in its parameters:
 *
 * - The sum of two files does not add the sum of their deltas.
 * - Files of different trainings have their neurons in different orders. Their sum has little effect of either.
 * - Weights that do not add up to 1 change the strength by more than their sum.
 *
 * To use two different LLLites at once, pass both to the generator.
 *
 * The result has the first file's metadata with `modelspec.merged_from`. One tensor of each file is in memory at a time.
 *
 * @throws FormatError `merge` when files differ in sites or widths, with fewer than two files, or when a weight is not
 * finite. While the result is written: `merge`, which names a file with NaN or infinite values, or `value-range`.
 */
export function mergeLllites(inputs: readonly MergeInput[], options: MergeOptions = {}): SafetensorsContents {
  expectArgument(Array.isArray(inputs), "the files", inputs, "a list")
  for (const each of inputs) expectOpenLllite(each?.file)
  const [first, ...others] = inputs
  if (first === undefined || others.length === 0) {
    throw new FormatError("merge", `${inputs.length} file given, expected at least two`)
  }
  for (const { file, weight } of inputs) {
    if (!Number.isFinite(weight)) {
      throw new FormatError("merge", `the weight is ${weight}, expected a finite number`, { source: file.label })
    }
  }
  for (const { file } of others) refuseOthers(first.file, file)

  const values = async (site: LlliteSite, name: SiteTensorName): Promise<Float32Array> => {
    let sum = new Float64Array(0)
    for (const { file, weight } of inputs) {
      const part = await file.tensor(site, name)
      if (!part.every(Number.isFinite)) {
        const what = "it has NaN or infinite values, which would also be in the result. Leave the file out."
        throw new FormatError("merge", what, { source: file.label, tensor: siteTensorKey(site, name) })
      }
      if (sum.length === 0) sum = new Float64Array(part.length)
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (part[i] as number)
    }
    return new Float32Array(sum)
  }
  const { file } = first
  const names = inputs.map((input) => input.file.metadata.get("modelspec.title") ?? input.file.label)
  return {
    tensors: llliteTensors({ sites: file.sites, values, dtype: options.dtype ?? storedDtype(file) }),
    metadata: new Map([...(metadataOfChanged(file.metadata) ?? []), ["modelspec.merged_from", names.join(", ")]]),
  }
}

function refuseOthers(first: LlliteFile, other: LlliteFile): void {
  const refuse = (what: string): FormatError =>
    new FormatError("merge", `${what}. Files that are merged have the same sites and widths.`, { source: other.label })
  const { missing, extra } = compareSites(other.sites, first.sites)
  if (missing[0] !== undefined) throw refuse(`it has no ${missing[0].path}, which ${JSON.stringify(first.label)} has`)
  if (extra[0] !== undefined) throw refuse(`it has ${extra[0].path}, which ${JSON.stringify(first.label)} has not`)
  for (const [i, site] of first.sites.entries()) {
    // Both lists are in module order, and name the same sites.
    const found = other.sites[i] ?? site
    if ((found.sharedTrunk ?? false) !== (site.sharedTrunk ?? false)) {
      const one = found.sharedTrunk === true ? "it has" : `${JSON.stringify(first.label)} has`
      throw refuse(`${one} a shared trunk. Make it plain first (lllite convert --plain)`)
    }
    if (found.condChannels !== site.condChannels) {
      const one = found.condChannels === 4 ? "it reads" : `${JSON.stringify(first.label)} reads`
      throw refuse(`${one} the hole of a picture as a fourth channel, and the other does not`)
    }
    if (found.condInput !== site.condInput) {
      const one = found.condInput === "latent" ? "it reads" : `${JSON.stringify(first.label)} reads`
      throw refuse(`${one} latents of its control, and the other its pixels`)
    }
    for (const width of ["condDim", "mlpDim", "inDim"] as const) {
      if (found[width] === site[width]) continue
      const advice = width === "inDim" ? "" : "; resize one of them first"
      throw refuse(
        `${site.path} has ${width} ${found[width]} and in ${JSON.stringify(first.label)} ${site[width]}${advice}`,
      )
    }
  }
}
