import { expectArgument, expectOpenLllite, expectOptions } from "../argument.ts"
import { FormatError } from "../errors.ts"
import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import type { AdapterDims, SiteTensorName } from "../lllite/tensors.ts"
import { checkDims } from "../lllite/tensors.ts"
import type { ResizeError } from "../network/resize-network.ts"
import { resizeError, resizeNetwork } from "../network/resize-network.ts"
import { createSampler } from "../network/samples.ts"
import type { SiteNetwork } from "../network/site-network.ts"
import { networkTensor, readSiteNetwork } from "../network/site-network.ts"
import type { FloatDtype } from "../safetensors/dtype.ts"
import { llliteTensors } from "../write/lllite.ts"
import type { SafetensorsContents } from "./contents.ts"
import { metadataOfChanged, storedDtype } from "./contents.ts"
import { FORM_KEYS } from "./plain.ts"

/** Options of {@link resizeLllite}. */
export interface ResizeOptions {
  /** Widths of every adapter of the result. A missing width stays unchanged at each site. */
  readonly dims: Partial<AdapterDims>
  /** The dtype of the result. Default: the file's. */
  readonly dtype?: FloatDtype
  /** Seed of the samples for the fit. Default: 0. */
  readonly seed?: number
  /** Called after each site. */
  readonly onProgress?: (done: number, count: number) => void
}

/** The error of one site, with its widths. */
export interface ResizedSite extends ResizeError {
  readonly site: LlliteSite
}

/** A resized LLLite, to be written with `safetensorsChunks`, and its error at each site. */
export interface ResizedLllite extends SafetensorsContents {
  readonly sites: readonly ResizedSite[]
}

/**
 * An LLLite with other widths. `resizeNetwork` describes the method. A wider one has exactly the old delta. A narrower
 * one keeps the neurons that predict the others best, and has an error.
 *
 * The error is measured at each site before rounding to the dtype, on other samples than those of the fit. Host inputs
 * have mean 0 and variance 1, as after a layer norm. Controls are patches of flat, lined and ramped pictures.
 * Real pictures give real models other inputs. So the error shows which width is enough, and not how pictures will
 * differ.
 *
 * The sites of a file with a shared trunk keep it if condDim stays. With another condDim each site gets its own
 * conditioner.
 *
 * The whole result is in memory, as float32.
 *
 * @throws FormatError `argument` for other options; `dims`, also for an LLLite that reads a hole or latents; `value-range` for NaN and infinity, and while it is written for what the dtype cannot hold
 */
export async function resizeLllite(file: LlliteFile, options: ResizeOptions): Promise<ResizedLllite> {
  expectOpenLllite(file)
  expectOptions(options, "dims", "dtype", "seed", "onProgress")
  const { dims, seed = 0, onProgress } = options
  expectArgument(Object.prototype.toString.call(dims) === "[object Object]", "dims", dims, "an object")
  const sampleToFit = createSampler(2 * seed)
  const sampleToMeasure = createSampler(2 * seed + 1)
  const results = new Map<string, SiteNetwork>()
  const sites: ResizedSite[] = []
  for (const site of file.sites) checkDims({ ...widthsOf(site), ...dims })
  refuseOtherInputs(file)
  for (const site of file.sites) {
    const wanted = { ...widthsOf(site), ...dims }
    const old = await readSiteNetwork(file, site)
    refuseNaN(old, site, file.label)
    const resized = resizeNetwork(old, wanted, sampleToFit(old.down, site.depth))
    results.set(site.key, resized.network)
    const error = resizeError(old, resized, sampleToMeasure(old.down, site.depth))
    sites.push({ site: { ...withOwnConditioner(site, wanted), ...wanted }, ...error })
    onProgress?.(sites.length, file.sites.length)
  }
  const values = (site: LlliteSite, name: SiteTensorName): Float32Array => {
    const network = results.get(site.key)
    return network === undefined ? new Float32Array(0) : networkTensor(network, name)
  }
  return {
    tensors: llliteTensors({ sites: sites.map(({ site }) => site), values, dtype: options.dtype ?? storedDtype(file) }),
    metadata: metadataOfChanged(
      withoutForm(
        file.metadata,
        sites.some(({ site }) => site.sharedTrunk === true),
      ),
    ),
    sites,
  }
}

/** Which neurons predict the others is measured on pictures, and no holes and latents are known. */
function refuseOtherInputs({ sites, label }: LlliteFile): void {
  const other = sites.find(({ condChannels, condInput }) => condChannels === 4 || condInput === "latent")
  if (other === undefined) return
  const reads = other.condInput === "latent" ? "the latents of its control" : "the hole of a picture"
  const what = `the LLLite reads ${reads}, and is not resized. Train one of the wanted widths.`
  throw new FormatError("dims", what, { source: label, tensor: other.key })
}

function refuseNaN({ conditioner, down, mid, up }: SiteNetwork, site: LlliteSite, label: string): void {
  for (const { weight, bias } of [...conditioner, down, mid, up]) {
    if (weight.data.every(Number.isFinite) && bias.every(Number.isFinite)) continue
    const message = "the adapter has NaN or infinity among its values, and cannot be resized"
    throw new FormatError("value-range", `${message}. Prune this site, or look for another file.`, {
      source: label,
      tensor: site.key,
    })
  }
}

/** The sites of another condDim have conditioners of their own: each is narrowed by what its site reads of it. */
function withOwnConditioner({ sharedTrunk, ...site }: LlliteSite, wanted: AdapterDims): LlliteSite {
  return sharedTrunk === true && wanted.condDim === site.condDim ? { ...site, sharedTrunk } : site
}

function widthsOf({ condDim, mlpDim }: AdapterDims): AdapterDims {
  return { condDim, mlpDim }
}

/** The metadata without the widths, and without the form if it is plain now. */
function withoutForm(metadata: ReadonlyMap<string, string>, keepsForm: boolean): ReadonlyMap<string, string> {
  const keys = ["lllite.cond_emb_dim", "lllite.mlp_dim", ...(keepsForm ? [] : FORM_KEYS)]
  return new Map([...metadata].filter(([key]) => !keys.includes(key)))
}
