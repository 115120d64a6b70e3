import { expectArgument, expectSite } from "../argument.ts"
import type { LlliteFile, LlliteSite } from "../lllite/read.ts"
import type { SiteTensorName } from "../lllite/tensors.ts"
import { CONTROL_LATENT_CHANNELS, conditionerKernels, PICTURE_CHANNELS, siteTensorShapes } from "../lllite/tensors.ts"
import { type ControlValues, controlValuesOf, NOISE } from "./control-values.ts"
import type { Moments } from "./moments.ts"
import {
  affineMoments,
  concatMoments,
  largestExpected,
  reluMoments,
  rootMeanSquare,
  uniformMoments,
} from "./moments.ts"

/** The parts of an adapter, in the order they run. */
export type AdapterPart = "conditioning1" | "down" | "mid" | "up"

/** The health of one adapter, from its values. */
export interface SiteHealth {
  readonly site: LlliteSite
  readonly nanCount: number
  readonly infinityCount: number
  /** Largest magnitude of a parameter. */
  readonly largestValue: number
  /** Euclidean norm of each part's weights and biases together. */
  readonly norms: Readonly<Record<AdapterPart, number>>
  /** Whether `up`'s weights are all zero. The adapter then adds its bias everywhere. */
  readonly isUpZero: boolean
  /**
   * The adapter's strength: root mean square of its delta for a channel of its host's input, in units of that input. It
   * is an estimate, see `siteStrength`. NaN if a value is not finite.
   */
  readonly strength: number
  /** The part of `strength` that depends on the control picture. */
  readonly controlStrength: number
  /** The largest expected number inside the adapter, which half precision has to hold. It is an estimate, too. */
  readonly largestActivation: number
}

/** Hosts in transformer blocks read the output of a layer normalisation. */
const HOST = { mean: 0, variance: 1 }

/** The fourth channel of a control whose hole is a fifth of it: -1 outside and 1 inside. */
const HOLE = { mean: -0.6, variance: 0.64 }

/** Channels of latents: the VAE's factor makes their variance 1. */
const LATENT = { mean: 0, variance: 1 }

/** An adapter's depth, what it reads of its control, and the width of its host's input. */
export type SiteShape = Pick<LlliteSite, "depth" | "inDim" | "condInput">

/**
 * Estimates the strength of an adapter without running a model. Means and variances are computed layer by layer in
 * closed form (`affineMoments`, `reluMoments`). The host's input has mean 0 and variance 1. Every channel and pixel is
 * independent, those of the control picture, too. The part that depends on the control is the root of a difference of
 * variances. One is the whole variance. The other has the control's embedding fixed at its mean.
 *
 * Neighbours in real control pictures are alike. So the estimate ranks adapters and finds those without an effect. It does
 * not predict the change of a picture.
 *
 * @param valuesOf the adapter's tensors in a file's order
 * @param control mean and variance of the control pictures' values. Latents have mean 0 and variance 1
 * @param seen is given the moments of every layer's output
 */
export function siteStrength(
  site: SiteShape,
  valuesOf: (name: SiteTensorName) => Float32Array,
  control: ControlValues = NOISE,
  seen: (moments: Moments) => void = () => {},
): Pick<SiteHealth, "strength" | "controlStrength"> {
  expectSite(site)
  expectArgument(typeof valuesOf === "function", "tensor", valuesOf, "a function")
  const tensor = (name: SiteTensorName): Float32Array => {
    const values = valuesOf(name)
    expectArgument(ArrayBuffer.isView(values), name, values, "a Float32Array")
    return values
  }
  const { depth, inDim, condInput } = site
  const layer = (name: string, x: Moments): Moments => {
    const weight = tensor(`${name}.weight` as SiteTensorName)
    const moments = affineMoments({ weight, bias: tensor(`${name}.bias` as SiteTensorName) }, x)
    seen(moments)
    return moments
  }
  let embedding = controlMoments(control, condInput, tensor)
  const conditioning = ["conditioning1.0", "conditioning1.2", ...(depth === 3 ? ["conditioning1.4"] : [])]
  for (const [i, name] of conditioning.entries()) embedding = layer(name, i === 0 ? embedding : reluMoments(embedding))
  const host = reluMoments(layer("down.0", uniformMoments(inDim, HOST.mean, HOST.variance)))
  const delta = (moments: Moments): Moments => layer("up.0", reluMoments(layer("mid.0", concatMoments(moments, host))))
  const still: Moments = { mean: embedding.mean, variance: new Float64Array(embedding.mean.length) }
  const { whole, varying } = rootMeanSquare(delta(embedding))
  const { varying: varyingWithout } = rootMeanSquare(delta(still))
  return { strength: whole, controlStrength: Math.sqrt(Math.max(0, varying ** 2 - varyingWithout ** 2)) }
}

/** The moments of what the first convolution reads. */
function controlMoments(
  { mean, variance }: ControlValues,
  condInput: LlliteSite["condInput"],
  tensor: (name: SiteTensorName) => Float32Array,
): Moments {
  if (condInput === "latent") return uniformMoments(CONTROL_LATENT_CHANNELS, LATENT.mean, LATENT.variance)
  const picture = uniformMoments(PICTURE_CHANNELS, mean, variance)
  const places = conditionerKernels(1)[0] ** 2
  const channels = tensor("conditioning1.0.weight").length / (tensor("conditioning1.0.bias").length * places)
  return channels === 4 ? concatMoments(picture, uniformMoments(1, HOLE.mean, HOLE.variance)) : picture
}

/**
 * Measures one adapter. Its strength is an estimate, see `siteStrength`. The control pictures are those that the file's
 * metadata names, see `controlValuesOf`.
 *
 * @throws FormatError as the file's `tensor`
 */
export async function measureSite(file: LlliteFile, site: LlliteSite): Promise<SiteHealth> {
  const values = new Map<SiteTensorName, Float32Array>()
  for (const name of siteTensorShapes(site, site).keys()) values.set(name, await file.tensor(site, name))
  const valuesOf = (name: SiteTensorName): Float32Array => values.get(name) ?? new Float32Array(0)

  let nanCount = 0
  let infinityCount = 0
  let largestValue = 0
  const squares: Record<AdapterPart, number> = { conditioning1: 0, down: 0, mid: 0, up: 0 }
  for (const [name, numbers] of values) {
    let sum = 0
    for (const value of numbers) {
      const magnitude = Math.abs(value)
      sum += magnitude * magnitude
      if (magnitude > largestValue) largestValue = magnitude
      if (value - value !== 0) {
        if (Number.isNaN(value)) nanCount++
        else infinityCount++
      }
    }
    squares[name.slice(0, name.indexOf(".")) as AdapterPart] += sum
  }

  let largestActivation = 0
  const strengths = siteStrength(site, valuesOf, controlValuesOf(file), (moments) => {
    const largest = largestExpected(moments)
    if (!(largest <= largestActivation)) largestActivation = largest
  })

  return {
    site,
    nanCount,
    infinityCount,
    largestValue,
    norms: {
      conditioning1: Math.sqrt(squares.conditioning1),
      down: Math.sqrt(squares.down),
      mid: Math.sqrt(squares.mid),
      up: Math.sqrt(squares.up),
    },
    isUpZero: valuesOf("up.0.weight").every((value) => value === 0),
    ...strengths,
    largestActivation,
  }
}
