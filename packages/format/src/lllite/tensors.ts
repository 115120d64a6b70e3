import { expectArgument, expectSite } from "../argument.ts"
import { FormatError } from "../errors.ts"
import type { Site } from "./site.ts"

/** The two widths of an adapter, and whose conditioner it has. */
export interface AdapterDims {
  /** Channels of the control image's embedding. Reference: `cond_emb_dim`. */
  readonly condDim: number
  /** Width of the bottleneck. Reference: `mlp_dim`, `network_dim`. */
  readonly mlpDim: number
  /**
   * Whether all sites of one depth have one conditioner, the trunk of that depth. Only this project's files have it: the
   * idea is from LLLites for Anima, v2. Default: false, every site has its own.
   */
  readonly sharedTrunk?: boolean
  /**
   * Channels that the conditioner reads: 3 of a picture, or with a fourth, which is the hole that is to be filled in.
   * Only this project's files have 4: the idea is from LLLites for Anima, `cond_in_channels`. Default: 3.
   */
  readonly condChannels?: CondChannels
  /**
   * What the conditioner reads of the control: its pixels, or its latents, which the model's VAE makes. Only this
   * project's files have latents: the idea is from LLLites for Anima, v2.1. Default: pixel.
   */
  readonly condInput?: CondInput
}

/** What a conditioner reads of a control. */
export type CondInput = "pixel" | "latent"

/** Channels of a control's latents. */
export const CONTROL_LATENT_CHANNELS = 4

/** Channels of a control. */
export type CondChannels = 3 | 4

/** Channels that a conditioner reads, if nothing else is said: those of a picture. */
export const PICTURE_CHANNELS = 3

/** The fields of an adapter's form alone. Those that are the default are left out. */
export function dimsOf(dims: AdapterDims): AdapterDims {
  expectArgument(typeof dims === "object" && dims !== null, "the widths", dims, "condDim and mlpDim")
  const { condDim, mlpDim, sharedTrunk, condChannels = PICTURE_CHANNELS, condInput } = dims
  return {
    ...{ condDim, mlpDim },
    ...(sharedTrunk === true ? { sharedTrunk } : {}),
    ...(condChannels === PICTURE_CHANNELS ? {} : { condChannels }),
    ...(condInput === "latent" ? { condInput } : {}),
  }
}

/** Whether two adapters have one form. */
export function sameDims(a: AdapterDims, b: AdapterDims): boolean {
  const [one, other] = [dimsOf(a), dimsOf(b)]
  return (["condDim", "mlpDim", "sharedTrunk", "condChannels", "condInput"] as const).every(
    (name) => one[name] === other[name],
  )
}

/** The fields of a site that determine its tensors' shapes. */
export type SiteShape = Pick<Site, "inDim" | "depth" | "conv">

/** Name of a tensor at a site, which follows the site's key and a dot. */
export type SiteTensorName =
  `${"conditioning1.0" | "conditioning1.2" | "conditioning1.4" | "down.0" | "mid.0" | "up.0"}.${"weight" | "bias"}`

const SITE_TENSOR_NAME = /^(conditioning1\.[024]|down\.0|mid\.0|up\.0)\.(weight|bias)$/

/** Whether text is a {@link SiteTensorName}. */
export function isSiteTensorName(text: string): text is SiteTensorName {
  return SITE_TENSOR_NAME.test(text)
}

/**
 * Names and shapes of the tensors at one site, in the reference's order. Linear weights are [out, in], convolutions
 * [out, in, kh, kw]. The conditioner has two convolutions at depth 1 and 2, and three at depth 3. `down`, `mid` and
 * `up` are linear, or 1x1 convolutions if the host is a convolution. A conditioner of latents begins with a 3x3
 * convolution of stride 1, because latents have an eighth of the control's sides already.
 * Source: sd-scripts `networks/control_net_lllite.py`, `LLLiteModule.__init__`.
 *
 * @throws FormatError `dims` if condDim is not a whole number of at least 2, or mlpDim not one of at least 1
 */
export function siteTensorShapes(site: SiteShape, dims: AdapterDims): ReadonlyMap<SiteTensorName, readonly number[]> {
  expectSite(site)
  expectArgument(typeof dims === "object" && dims !== null, "the widths", dims, "condDim and mlpDim")
  checkDims(dims)
  const { condDim, mlpDim, condChannels = PICTURE_CHANNELS } = dims
  const half = Math.floor(condDim / 2)
  const kernel = site.conv ? [1, 1] : []
  const shapes = new Map<SiteTensorName, readonly number[]>()
  const layer = (name: string, out: number, ...rest: readonly number[]): void => {
    shapes.set(`${name}.weight` as SiteTensorName, [out, ...rest])
    shapes.set(`${name}.bias` as SiteTensorName, [out])
  }
  const [first, ...later] = conditionerKernels(site.depth, dims.condInput)
  layer("conditioning1.0", half, dims.condInput === "latent" ? CONTROL_LATENT_CHANNELS : condChannels, first, first)
  for (const [i, size] of later.entries()) {
    layer(`conditioning1.${2 * (i + 1)}`, i === later.length - 1 ? condDim : half, half, size, size)
  }
  layer("down.0", mlpDim, site.inDim, ...kernel)
  layer("mid.0", mlpDim, mlpDim + condDim, ...kernel)
  layer("up.0", site.inDim, mlpDim, ...kernel)
  return shapes
}

/** Kernels of conditioners by depth, first to last. Strides are equal to them, but that of a 3x3 kernel is 1. */
const KERNELS = {
  pixel: { 1: [4, 2], 2: [4, 4], 3: [4, 4, 2] },
  latent: { 1: [3, 1], 2: [3, 2], 3: [3, 2, 2] },
} as const

/** Sides of the kernels of a conditioner's convolutions, first to last. */
export function conditionerKernels(depth: Site["depth"], input: CondInput = "pixel"): readonly [number, ...number[]] {
  expectArgument(Object.hasOwn(KERNELS, input), "the input", input, "pixel or latent")
  expectArgument(Object.hasOwn(KERNELS[input], depth), "the depth", depth, "1, 2 or 3")
  return KERNELS[input][depth]
}

/** The prefix of the names of trunks. LLLites for Anima have it, too, with other names after it. */
export const TRUNK_PREFIX = "lllite_conditioning1."

const CONDITIONER = "conditioning1."

/**
 * The name of a site's tensor in a file: the site's key, a dot and `name`. The conditioner of a shared trunk belongs to
 * the depth: `lllite_conditioning1.depth2.0.weight`.
 */
export function siteTensorKey(
  site: Pick<Site, "key" | "depth"> & Pick<AdapterDims, "sharedTrunk">,
  name: SiteTensorName,
): string {
  expectSite(site)
  const { key, depth, sharedTrunk = false } = site
  if (!sharedTrunk || !name.startsWith(CONDITIONER)) return `${key}.${name}`
  return `${trunkKey(depth)}.${name.slice(CONDITIONER.length)}`
}

/** What the names of a trunk's tensors begin with. */
function trunkKey(depth: Site["depth"]): string {
  return `${TRUNK_PREFIX}depth${depth}`
}

/** The depth of a trunk's tensor, and its name at a site of that depth. Null for other names. */
export function splitTrunkKey(key: string): { readonly depth: Site["depth"]; readonly name: SiteTensorName } | null {
  const [, digit, rest] = /^lllite_conditioning1\.depth([123])\.(.+)$/.exec(key) ?? []
  const name = `${CONDITIONER}${rest}`
  return digit === undefined || !isSiteTensorName(name) ? null : { depth: Number(digit) as Site["depth"], name }
}

/** Whether a tensor belongs to the conditioner of a site. */
export function isConditionerTensor(name: SiteTensorName): boolean {
  return name.startsWith(CONDITIONER)
}

/**
 * Parameters of adapters together. A shared trunk counts once.
 *
 * @throws FormatError `dims`
 */
export function adapterParameterCount(sites: Iterable<SiteShape & AdapterDims>): number {
  expectArgument(typeof sites?.[Symbol.iterator] === "function", "the sites", sites, "a list")
  const trunks = new Set<Site["depth"]>()
  let count = 0
  for (const site of sites) {
    for (const [name, shape] of siteTensorShapes(site, site)) {
      const isCounted = site.sharedTrunk === true && isConditionerTensor(name) && trunks.has(site.depth)
      if (!isCounted) count += shape.reduce((product, size) => product * size, 1)
    }
    if (site.sharedTrunk === true) trunks.add(site.depth)
  }
  return count
}

/**
 * Parameters of an adapter at one site, with its conditioner.
 *
 * @throws FormatError `dims`
 */
export function siteParameterCount(site: SiteShape, dims: AdapterDims): number {
  let count = 0
  for (const shape of siteTensorShapes(site, dims).values()) count += shape.reduce((product, size) => product * size, 1)
  return count
}

/**
 * Checks the widths of an adapter. The first convolution has condDim / 2 channels, so one is too few.
 *
 * @throws FormatError `dims`
 */
export function checkDims(dims: AdapterDims): void {
  for (const [name, least] of [
    ["condDim", 2],
    ["mlpDim", 1],
  ] as const) {
    const value = dims[name]
    if (Number.isInteger(value) && value >= least && value <= 65536) continue
    throw new FormatError("dims", `${name} is ${value}, expected a whole number from ${least} to 65536`)
  }
  if (dims.condInput === "latent" && dims.condChannels === 4) {
    throw new FormatError("dims", "condChannels is 4 and condInput is latent: a hole has no latents. Choose one.")
  }
}
