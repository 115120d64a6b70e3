import { FormatError } from "../errors.ts"
import type { Site } from "./site.ts"

/** The two widths of an adapter. */
export interface AdapterDims {
  /** Channels of the control image's embedding. Reference: `cond_emb_dim`. */
  readonly condDim: number
  /** Width of the bottleneck. Reference: `mlp_dim`, `network_dim`. */
  readonly mlpDim: number
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
 * `up` are linear, or 1x1 convolutions if the host is a convolution.
 * Source: sd-scripts `networks/control_net_lllite.py`, `LLLiteModule.__init__`.
 *
 * @throws FormatError `dims` if condDim is not a whole number of at least 2, or mlpDim not one of at least 1
 */
export function siteTensorShapes(site: SiteShape, dims: AdapterDims): ReadonlyMap<SiteTensorName, readonly number[]> {
  checkDims(dims)
  const { condDim, mlpDim } = dims
  const half = Math.floor(condDim / 2)
  const kernel = site.conv ? [1, 1] : []
  const shapes = new Map<SiteTensorName, readonly number[]>()
  const layer = (name: string, out: number, ...rest: readonly number[]): void => {
    shapes.set(`${name}.weight` as SiteTensorName, [out, ...rest])
    shapes.set(`${name}.bias` as SiteTensorName, [out])
  }
  layer("conditioning1.0", half, 3, 4, 4)
  if (site.depth === 3) {
    layer("conditioning1.2", half, half, 4, 4)
    layer("conditioning1.4", condDim, half, 2, 2)
  } else {
    const kernelSize = site.depth === 1 ? 2 : 4
    layer("conditioning1.2", condDim, half, kernelSize, kernelSize)
  }
  layer("down.0", mlpDim, site.inDim, ...kernel)
  layer("mid.0", mlpDim, mlpDim + condDim, ...kernel)
  layer("up.0", site.inDim, mlpDim, ...kernel)
  return shapes
}

/**
 * Parameters of an adapter at one site.
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
}
