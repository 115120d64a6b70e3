import type { NetworkLayer } from "./layer.ts"
import type { UnetFigure, UnetWidths } from "./unet-figure.ts"
import { unetFigure } from "./unet-figure.ts"
import type { UnetLayer } from "./unet-layer.ts"
import type { UnetLayout } from "./unet-layout.ts"

/** The numbers of a ControlNet for SDXL. */
export interface ControlNetLayout {
  /** The U-Net whose way down it copies. Its depths may be smaller than those of the U-Net that it steers. */
  readonly unet: UnetLayout
  readonly widths: Omit<UnetWidths, "outChannels">
  /** Residual blocks of the middle: 2, or 1 in a small ControlNet without attention. */
  readonly middleBlocks: 1 | 2
  /** Channels of the control picture. */
  readonly hintChannels: number
  /** Outputs of the layers that read the control picture. After the first one, every second layer halves the picture. */
  readonly hintWidths: readonly number[]
}

/** A layer of a ControlNet that a U-Net does not have. */
export interface ControlNetLayer extends NetworkLayer {
  /** The same layer in the names of diffusers: `controlnet_down_blocks.0`. */
  readonly diffusersPath: string
}

/** A ControlNet by its layers: the U-Net's way down and middle, with the control before and 1×1 convolutions after. */
export interface ControlNetFigure
  extends Pick<UnetFigure, "timeEmbedding" | "sizeEmbedding" | "inputBlocks" | "middle"> {
  /** The layers that read the control picture, first to last. */
  readonly hint: readonly ControlNetLayer[]
  /** One after each input block. */
  readonly zero: readonly ControlNetLayer[]
  /** After the middle. */
  readonly middleZero: ControlNetLayer
}

/**
 * Makes the tree of a ControlNet's layers. Paths are those of Stability's layout, without `control_model.`.
 * Source: lllyasviel/ControlNet `cldm/cldm.py`; diffusers `models/controlnets/controlnet.py`.
 *
 * @throws FormatError `layout`
 */
export function controlNetFigure(layout: ControlNetLayout): ControlNetFigure {
  const { unet, widths, middleBlocks, hintChannels, hintWidths } = layout
  const { timeEmbedding, sizeEmbedding, inputBlocks, middle } = unetFigure(unet, { ...widths, outChannels: 4 })
  const levels = unet.channelMult.map((mult) => mult * unet.modelChannels)
  const [first = 0] = levels
  const last = hintWidths.length
  const hint = [...hintWidths, first].map((outDim, i): ControlNetLayer => {
    const tail = i === 0 ? "conv_in" : i === last ? "conv_out" : `blocks.${i - 1}`
    return {
      ...own("control", `input_hint_block.${2 * i}`, `controlnet_cond_embedding.${tail}`),
      inDim: hintWidths[i - 1] ?? hintChannels,
      ...{ outDim, kernel: 3, stride: i > 0 && i < last && i % 2 === 0 ? 2 : 1 },
    }
  })
  const square = (width: number): Pick<ControlNetLayer, "inDim" | "outDim"> => ({ inDim: width, outDim: width })
  // The first convolution, then two residual blocks for each level, with a downsampler between levels.
  const skips = [first, ...levels.flatMap((width, level) => (level < 2 ? [width, width, width] : [width, width]))]
  return labelled({
    ...{ timeEmbedding, sizeEmbedding, inputBlocks },
    middle: middleBlocks === 2 ? middle : { ...middle, parts: middle.parts.slice(0, -1) },
    hint,
    zero: skips.map((width, i) => ({
      ...own(`input ${i}`, `zero_convs.${i}.0`, `controlnet_down_blocks.${i}`),
      ...square(width),
    })),
    middleZero: {
      ...own("middle", "middle_block_out.0", "controlnet_mid_block"),
      ...square(levels.at(-1) ?? first),
    },
  })
}

function own(block: string, path: string, diffusersPath: string): Omit<ControlNetLayer, "inDim" | "outDim"> {
  return { network: "controlnet", block, path, diffusersPath, kind: "conv", kernel: 1, stride: 1, bias: true }
}

/** The same tree, with layers that belong to the ControlNet. */
function labelled<T>(tree: T): T {
  const inner = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value
    if (Array.isArray(value)) return value.map(inner)
    if ("diffusersPath" in value) return { ...value, network: "controlnet" }
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, inner(entry)]))
  }
  return inner(tree) as T
}

/** The leaves of a figure, in its order. */
export function* controlNetLayers(figure: ControlNetFigure): Generator<UnetLayer | ControlNetLayer> {
  yield* leavesOf(figure)
}

function* leavesOf(tree: object): Generator<UnetLayer | ControlNetLayer> {
  for (const value of Object.values(tree) as unknown[]) {
    if (typeof value !== "object" || value === null) continue
    if (isLayer(value)) yield value
    else yield* leavesOf(value)
  }
}

function isLayer(value: object): value is UnetLayer | ControlNetLayer {
  return "diffusersPath" in value
}
