import type { ControlNetLayout, ControlNetUnion } from "@lllite/format/identify"
import { controlNetFigure, unionShapes } from "@lllite/format/identify"
import { fromFloat32, serializeSafetensors, type TensorBytes } from "@lllite/format/write"
import { weight } from "../reference/synthetic.ts"

/** A synthetic ControlNet. */
export interface ControlNetFileOptions {
  /** Seeds its values. */
  readonly name: string
  readonly layout: ControlNetLayout
  /** The parts of a ControlNet of several control types. Default: none. */
  readonly union?: ControlNetUnion
  /** Default: `diffusers`. */
  readonly names?: "diffusers" | "original"
  /** Default: `F32`. */
  readonly dtype?: "F32" | "F16" | "BF16" | "F8_E4M3" | "F8_E5M2"
}

/** The layout of a ControlNet for the tiny SDXL. */
export const TINY_CONTROL_NET: ControlNetLayout = {
  unet: { modelChannels: 64, channelMult: [1, 1, 2], transformerDepth: [0, 1, 1], middleDepth: 1 },
  widths: { inChannels: 4, contextDim: 40, vectorDim: 1552 },
  middleBlocks: 2,
  hintChannels: 3,
  hintWidths: [16, 16, 32, 32, 96, 96, 256],
}

/** The bytes of a ControlNet whose values are made from their names, as those of the reference's cases. */
export function controlNetBytes({
  name,
  layout,
  union,
  names = "diffusers",
  dtype = "F32",
}: ControlNetFileOptions): Uint8Array {
  const tensors = new Map<string, TensorBytes>()
  const own = union === undefined ? [] : [...unionShapes(union, layout)]
  const paths = own.map(([name, shape]) => [{ original: name, diffusers: name }, shape] as const)
  for (const [path, shape] of [...shapesOf(layout), ...paths]) {
    const stored = names === "original" ? `control_model.${path.original}` : path.diffusers
    const values = weight(`${name}/${path.diffusers}`, shape)
    tensors.set(stored, { dtype, shape, bytes: fromFloat32(values, dtype) })
  }
  return serializeSafetensors(tensors)
}

interface Path {
  readonly original: string
  readonly diffusers: string
}

function* shapesOf(layout: ControlNetLayout): Generator<[Path, readonly number[]]> {
  for (const layer of layersOf(controlNetFigure(layout))) {
    const { kind, inDim, outDim, kernel, bias } = layer
    const at = (tail: string): Path => ({ original: layer.path + tail, diffusers: layer.diffusersPath + tail })
    yield [
      at(".weight"),
      kind === "norm" ? [outDim] : kind === "conv" ? [outDim, inDim, kernel, kernel] : [outDim, inDim],
    ]
    if (bias) yield [at(".bias"), [outDim]]
  }
}

type Layer = ReturnType<typeof controlNetFigure>["middleZero"]

function* layersOf(tree: object): Generator<Layer> {
  for (const value of Object.values(tree) as unknown[]) {
    if (typeof value !== "object" || value === null) continue
    if ("diffusersPath" in value) yield value as Layer
    else yield* layersOf(value)
  }
}
