import type { NetworkLayer } from "../src/networks/layer.ts"

/** The tensors of a layer by name and shape, in the order of PyTorch's modules. */
export function layerTensors(
  { kind, inDim, outDim, kernel, bias }: NetworkLayer,
  path: string,
): [string, readonly number[]][] {
  const shapes = { linear: [outDim, inDim], conv: [outDim, inDim, kernel, kernel], norm: [outDim] }
  const weight: [string, readonly number[]] = [`${path}.weight`, shapes[kind]]
  return bias ? [weight, [`${path}.bias`, [outDim]]] : [weight]
}
