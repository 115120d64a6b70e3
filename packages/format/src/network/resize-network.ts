import type { AdapterDims } from "../lllite/tensors.ts"
import type { NeuronChoice } from "./choose-neurons.ts"
import { chooseNeurons } from "./choose-neurons.ts"
import type { Matrix } from "./matrix.ts"
import {
  columnMeans,
  covariance,
  matrix,
  pickColumns,
  symmetricEigen,
  times,
  timesTransposed,
  transpose,
} from "./matrix.ts"
import type { SiteSamples } from "./samples.ts"
import { deltaDistance, hiddenOutputs, rankBound } from "./samples.ts"
import type { Layer, PatchLayer, SiteNetwork } from "./site-network.ts"
import { beside, conditionerOutputs, relu } from "./site-network.ts"

/** A resized network. */
export interface ResizedNetwork {
  readonly network: SiteNetwork
  /** Indices of `down`'s remaining neurons, to project samples of the old network for the new one. */
  readonly downNeurons: readonly number[]
}

/**
 * An adapter with other widths.
 *
 * Wider: the new neurons' weights are zero, and the function is the same.
 *
 * Narrower: each hidden layer keeps the neurons that predict the next layer's old inputs best. The next layer is fitted
 * to them, so later layers correct a part of earlier errors. No ReLU is between the conditioner's last convolution and
 * `mid`. Their product is reduced to rank condDim by the singular vectors of its values on the samples. This is the
 * best approximation of that rank.
 */
export function resizeNetwork(network: SiteNetwork, dims: AdapterDims, samples: SiteSamples): ResizedNetwork {
  const target = hiddenOutputs(network, samples)
  const narrowed = narrowConditioner(network, dims.condDim, samples)
  const old = network.down.weight.rows
  // With a narrower conditioner, a new fit is better even for the same neurons.
  const { network: narrow, downNeurons } =
    narrowed === network && dims.mlpDim >= old
      ? { network, downNeurons: Array.from({ length: old }, (_, i) => i) }
      : narrowMlp(narrowed, Math.min(old, dims.mlpDim), samples, target)
  return { network: widen(narrow, dims), downNeurons }
}

/** The distance of a resized adapter from the original. */
export interface ResizeError {
  /** Root of mean |delta' - delta|² / mean |delta|². */
  readonly relative: number
  /** A lower bound for any adapter of this width on the same samples. ReLUs may make it unreachable. */
  readonly bound: number
}

/** The error of a resized adapter on samples of the old one. */
export function resizeError(old: SiteNetwork, resized: ResizedNetwork, samples: SiteSamples): ResizeError {
  const { network, downNeurons } = resized
  const projected = padColumns(pickColumns(samples.projected, downNeurons), network.down.weight.rows)
  return {
    relative: deltaDistance(old, samples, network, { ...samples, projected }),
    bound: rankBound(old, samples, network.up.weight.cols),
  }
}

function narrowConditioner(network: SiteNetwork, condDim: number, samples: SiteSamples): SiteNetwork {
  const { conditioner, mid } = network
  const old = conditioner.at(-1)?.weight.rows ?? 0
  if (condDim >= old) return network
  const targets = conditionerOutputs(conditioner, samples.pixels)
  const layers = [...conditioner]
  const half = Math.floor(condDim / 2)
  for (let i = 0; i + 1 < layers.length; i++) {
    const layer = layers[i] as PatchLayer
    const next = layers[i + 1] as PatchLayer
    const outputs = conditionerOutputs(layers, samples.pixels)
    const choice = chooseNeurons(outputs[i] as Matrix, targets[i] as Matrix, importanceOfChannels(next), half)
    layers[i] = { ...keepNeurons(layer, choice), places: layer.places }
    layers[i + 1] = readChosenAtPlaces(next, choice)
  }
  return cutEmbedding({ ...network, conditioner: layers }, condDim, old, mid, samples)
}

/** Weights of errors of a layer's channels in the next layer, over all places of its patch. */
function importanceOfChannels({ weight, places }: PatchLayer): Matrix {
  const channels = weight.cols / places
  const rows = matrix(weight.rows * places, channels, weight.data)
  return timesTransposed(transpose(rows), transpose(rows))
}

/** The layer after a layer that keeps some of its channels. It computes the others from them at every place. */
function readChosenAtPlaces(layer: PatchLayer, choice: NeuronChoice): PatchLayer {
  const { weight, places } = layer
  const channels = weight.cols / places
  const perPlace = matrix(weight.rows * places, channels, weight.data)
  const read = timesTransposed(perPlace, choice.map)
  const shift = timesTransposed(perPlace, matrix(1, channels, choice.offset)).data
  const bias = layer.bias.map((value, row) => {
    let sum = value
    for (let place = 0; place < places; place++) sum += shift[row * places + place] as number
    return sum
  })
  return { weight: matrix(weight.rows, read.cols * places, read.data), bias, places }
}

/** Reduces the product of the conditioner's last layer and `mid`, which is linear, to rank condDim. */
function cutEmbedding(
  network: SiteNetwork,
  condDim: number,
  oldCondDim: number,
  mid: Layer,
  samples: SiteSamples,
): SiteNetwork {
  const last = network.conditioner.at(-1) as PatchLayer
  const outputs = conditionerOutputs(network.conditioner, samples.pixels)
  const embedding = outputs.at(-1) as Matrix
  const reads = columns(mid.weight, 0, oldCondDim)
  const rest = columns(mid.weight, oldCondDim, mid.weight.cols)
  // The weight of an error is how often mid's neuron is active, times the size of up's weights for it.
  const weights = neuronWeights(network, samples)
  const contribution = timesTransposed(embedding, reads)
  const weighed = matrix(
    contribution.rows,
    contribution.cols,
    contribution.data.map((value, i) => value * (weights[i % contribution.cols] as number)),
  )
  const { vectors } = symmetricEigen(covariance(weighed, weighed))
  const rank = Math.min(condDim, vectors.cols)
  const top = pickColumns(
    vectors,
    Array.from({ length: rank }, (_, i) => i),
  )
  // mid's input from the conditioner becomes spread · (compress · last), with both factors in mid's scale.
  const spread = scaleRows(top, (row) => 1 / (weights[row] as number))
  const gather = transpose(scaleRows(top, (row) => weights[row] as number))
  const compress = times(gather, reads)
  const weight = times(compress, last.weight)
  const means = matrix(1, contribution.cols, columnMeans(contribution))
  const kept = timesTransposed(timesTransposed(means, gather), spread)
  const bias = mid.bias.map((value, row) => value + (means.data[row] as number) - (kept.data[row] as number))
  const compressBias = timesTransposed(matrix(1, compress.cols, last.bias), compress).data
  const padded = padRows({ weight, bias: Float64Array.from(compressBias) }, condDim)
  return {
    ...network,
    conditioner: [...network.conditioner.slice(0, -1), { ...padded, places: last.places }],
    mid: { weight: beside(padColumns(spread, condDim), rest), bias },
  }
}

/** For each neuron of `mid`: the root of how often it is active, times the size of `up`'s weights for it. Never 0. */
function neuronWeights(network: SiteNetwork, samples: SiteSamples): Float64Array {
  const hidden = hiddenOutputs(network, samples)
  const { weight } = network.up
  const weights = new Float64Array(hidden.cols)
  for (let j = 0; j < hidden.cols; j++) {
    let on = 0
    for (let i = 0; i < hidden.rows; i++) if ((hidden.data[i * hidden.cols + j] as number) > 0) on++
    let size = 0
    for (let i = 0; i < weight.rows; i++) size += (weight.data[i * weight.cols + j] as number) ** 2
    weights[j] = Math.sqrt((on / hidden.rows) * size)
  }
  const largest = Math.max(...weights)
  // A lower limit, because the later division would increase rounding errors.
  return largest === 0 ? weights.fill(1) : weights.map((value) => Math.max(value, largest * 1e-4))
}

function narrowMlp(network: SiteNetwork, mlpDim: number, samples: SiteSamples, target: Matrix): ResizedNetwork {
  const old = network.down.weight.rows
  const condDim = network.mid.weight.cols - old
  const reads = columns(network.mid.weight, condDim, network.mid.weight.cols)
  const forConditioning = columns(network.mid.weight, 0, condDim)

  const d = relu(matrix(samples.projected.rows, old, samples.projected.data.slice()))
  const weights = neuronWeights(network, samples)
  const weighed = scaleRows(reads, (row) => weights[row] as number)
  const first = chooseNeurons(d, d, timesTransposed(transpose(weighed), transpose(weighed)), mlpDim)
  const shift = timesTransposed(reads, matrix(1, old, first.offset)).data
  const halfway: SiteNetwork = {
    ...network,
    down: keepNeurons(network.down, first),
    mid: {
      weight: beside(forConditioning, timesTransposed(reads, first.map)),
      bias: network.mid.bias.map((value, row) => value + (shift[row] as number)),
    },
  }
  const kept = { ...samples, projected: pickColumns(samples.projected, first.chosen) }
  const up = network.up.weight
  const second = chooseNeurons(
    hiddenOutputs(halfway, kept),
    target,
    timesTransposed(transpose(up), transpose(up)),
    mlpDim,
  )
  const upShift = timesTransposed(up, matrix(1, up.cols, second.offset)).data
  return {
    network: {
      ...halfway,
      mid: keepNeurons(halfway.mid, second),
      up: {
        weight: timesTransposed(up, second.map),
        bias: network.up.bias.map((value, row) => value + (upShift[row] as number)),
      },
    },
    downNeurons: first.chosen,
  }
}

/** Adds neurons whose weights are zero up to the widths. */
function widen(network: SiteNetwork, { condDim, mlpDim }: AdapterDims): SiteNetwork {
  const { conditioner, down, mid, up } = network
  const half = Math.floor(condDim / 2)
  const last = conditioner.length - 1
  const oldMlp = down.weight.rows
  const oldCond = mid.weight.cols - oldMlp
  const conditioning = padColumns(columns(mid.weight, 0, oldCond), condDim)
  const rest = padColumns(columns(mid.weight, oldCond, mid.weight.cols), mlpDim)
  return {
    conditioner: conditioner.map((layer, i) => {
      const channels = layer.weight.cols / layer.places
      const wide = padColumns(
        matrix(layer.weight.rows * layer.places, channels, layer.weight.data),
        i === 0 ? channels : half,
      )
      const weight = matrix(layer.weight.rows, wide.cols * layer.places, wide.data)
      return { ...padRows({ weight, bias: layer.bias }, i === last ? condDim : half), places: layer.places }
    }),
    down: padRows(down, mlpDim),
    mid: padRows({ weight: beside(conditioning, rest), bias: mid.bias }, mlpDim),
    up: { weight: padColumns(up.weight, mlpDim), bias: up.bias },
  }
}

function keepNeurons({ weight, bias }: Layer, { chosen }: NeuronChoice): Layer {
  return {
    weight: transpose(pickColumns(transpose(weight), chosen)),
    bias: Float64Array.from(chosen, (row) => bias[row] as number),
  }
}

function columns(a: Matrix, from: number, to: number): Matrix {
  return pickColumns(
    a,
    Array.from({ length: to - from }, (_, i) => from + i),
  )
}

function padColumns(a: Matrix, cols: number): Matrix {
  return a.cols >= cols ? a : beside(a, matrix(a.rows, cols - a.cols))
}

function padRows({ weight, bias }: Layer, rows: number): Layer {
  if (weight.rows >= rows) return { weight, bias }
  const data = new Float64Array(rows * weight.cols)
  data.set(weight.data)
  const longer = new Float64Array(rows)
  longer.set(bias)
  return { weight: matrix(rows, weight.cols, data), bias: longer }
}

function scaleRows(a: Matrix, factor: (row: number) => number): Matrix {
  return matrix(
    a.rows,
    a.cols,
    a.data.map((value, i) => value * factor(Math.floor(i / a.cols))),
  )
}
