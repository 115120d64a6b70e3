import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import type { SiteTensorName } from "../lllite/tensors.ts"
import { conditionerKernels } from "../lllite/tensors.ts"
import type { Matrix } from "./matrix.ts"
import { matrix, timesTransposed } from "./matrix.ts"

/** An affine map of rows: x [n, in] → x weightᵀ + bias [n, out]. */
export interface Layer {
  /** [out, in] */
  readonly weight: Matrix
  readonly bias: Float64Array
}

/**
 * A convolution whose kernel is as wide as its stride. It is an affine map of each patch, with places one after
 * another.
 */
export interface PatchLayer extends Layer {
  /** Places in a patch: the kernel's width squared. `weight` is [out, places * channels in]. */
  readonly places: number
}

/**
 * The adapter at one site as a function of one token: the host's input x and the patch of the control picture over it.
 *
 * ```
 * c = conditioner(patch)            convolutions, a ReLU between each two
 * d = ReLU(down x)                  [mlpDim]
 * m = ReLU(mid [c, d])              [mlpDim]
 * delta = up m                      [inDim]
 * ```
 * Source: sd-scripts `networks/control_net_lllite.py`, `LLLiteModule.forward`.
 */
export interface SiteNetwork {
  readonly conditioner: readonly PatchLayer[]
  readonly down: Layer
  /** Takes [c, d]: the conditioning first. */
  readonly mid: Layer
  readonly up: Layer
}

/** Reads the adapter at a site. @throws FormatError as the file's `tensor` */
export async function readSiteNetwork(file: LlliteFile, site: LlliteSite): Promise<SiteNetwork> {
  const layer = async (name: string): Promise<Layer> => {
    const values = Float64Array.from(await file.tensor(site, `${name}.weight` as SiteTensorName))
    const bias = Float64Array.from(await file.tensor(site, `${name}.bias` as SiteTensorName))
    return { weight: matrix(bias.length, values.length / bias.length, values), bias }
  }
  const conditioner: PatchLayer[] = []
  for (const [i, kernel] of conditionerKernels(site.depth, site.condInput).entries()) {
    const { weight, bias } = await layer(`conditioning1.${2 * i}`)
    const places = kernel * kernel
    conditioner.push({ weight: channelsLast(weight, places), bias, places })
  }
  return { conditioner, down: await layer("down.0"), mid: await layer("mid.0"), up: await layer("up.0") }
}

/** The values of one tensor of a network, as a file has them. */
export function networkTensor(network: SiteNetwork, name: SiteTensorName): Float32Array {
  const [, part = "", kind] = /^(.*)\.(weight|bias)$/.exec(name) ?? []
  const { conditioner, down, mid, up } = network
  const convolution = part.startsWith("conditioning1.") ? conditioner[Number(part.slice(14)) / 2] : undefined
  const layer = convolution ?? { "down.0": down, "mid.0": mid, "up.0": up }[part]
  if (layer === undefined) throw new RangeError(`the network has no ${name}`)
  if (kind === "bias") return Float32Array.from(layer.bias)
  const weight = convolution === undefined ? layer.weight : channelsFirst(layer.weight, convolution.places)
  return Float32Array.from(weight.data)
}

/** x [n, in] → [n, out] */
export function affine({ weight, bias }: Layer, x: Matrix): Matrix {
  const y = timesTransposed(x, weight)
  for (let i = 0; i < y.data.length; i++) y.data[i] = (y.data[i] as number) + (bias[i % weight.rows] as number)
  return y
}

/** Sets negative values to 0, in place. */
export function relu(x: Matrix): Matrix {
  for (let i = 0; i < x.data.length; i++) if ((x.data[i] as number) < 0) x.data[i] = 0
  return x
}

/**
 * The outputs of each layer of a conditioner, ReLU included. The last is the embedding, [patches, condDim]. The others
 * have a row for every place that later layers read, for example `patches * 16` rows.
 *
 * @param pixels rows of the first layer's patches, in the order of the layers' reading
 */
export function conditionerOutputs(conditioner: readonly PatchLayer[], pixels: Matrix): readonly Matrix[] {
  const outputs: Matrix[] = []
  let x = pixels
  for (const [i, layer] of conditioner.entries()) {
    const y = affine(layer, x)
    if (i < conditioner.length - 1) relu(y)
    outputs.push(y)
    // Rows that the next layer reads together are adjacent. So they are its rows already.
    const { places } = conditioner[i + 1] ?? { places: 1 }
    x = matrix(y.rows / places, y.cols * places, y.data)
  }
  return outputs
}

/** Joins the rows of two matrices: [n, a + b]. */
export function beside(a: Matrix, b: Matrix): Matrix {
  const joined = matrix(a.rows, a.cols + b.cols)
  for (let i = 0; i < a.rows; i++) {
    joined.data.set(a.data.subarray(i * a.cols, (i + 1) * a.cols), i * joined.cols)
    joined.data.set(b.data.subarray(i * b.cols, (i + 1) * b.cols), i * joined.cols + a.cols)
  }
  return joined
}

/** [out, channels, places] → [out, places, channels] */
function channelsLast(weight: Matrix, places: number): Matrix {
  return reorder(weight, weight.cols / places, places)
}

/** [out, places, channels] → [out, channels, places] */
function channelsFirst(weight: Matrix, places: number): Matrix {
  return reorder(weight, places, weight.cols / places)
}

function reorder(weight: Matrix, outer: number, inner: number): Matrix {
  const result = matrix(weight.rows, weight.cols)
  for (let row = 0; row < weight.rows; row++) {
    const start = row * weight.cols
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < inner; j++) result.data[start + j * outer + i] = weight.data[start + i * inner + j] as number
    }
  }
  return result
}
