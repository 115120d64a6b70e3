import type { ControlNetFigure, ControlNetLayout, ControlNetUnion } from "@lllite/format/identify"
import { controlNetFigure, readControlNet } from "@lllite/format/identify"
import { checkGiven } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { LinearWeight, WeightLoader } from "../../ops/ops.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { disposeParams } from "../../params.ts"
import { reshaped } from "../entry-views.ts"
import { checkFile, checkLoader } from "../given.ts"
import { withScales } from "../layouts/scaled-weights.ts"
import type { UnetConfig } from "../unet/config.ts"
import { vectorDimOf } from "../unet/config.ts"
import { inOrder, layerReader, readBlock } from "../unet/weights.ts"
import type { BuildParams, WeightFile } from "../weight-reader.ts"
import { loadParams } from "../weight-reader.ts"
import type { ControlNetParams } from "./params.ts"
import { readUnion } from "./union-weights.ts"

/** A ControlNet's file under the names of Stability's layout, without a prefix. */
export interface ControlNetWeights {
  readonly file: WeightFile
  readonly layout: ControlNetLayout
  /** The parts that only a ControlNet of several control types has. */
  readonly union: ControlNetUnion | null
  /** What the file holds that is not used, one sentence each. */
  readonly notices: readonly string[]
}

/**
 * The tensors of a ControlNet for SDXL by their names in Stability's layout. Nothing is read.
 *
 * @param unet the U-Net that it steers
 * @throws FormatError `wrong-kind` for a file of another kind; CoreError that names what is missing or does not fit
 */
export function controlNetWeights(file: WeightFile, unet: UnetConfig): ControlNetWeights {
  checkFile("ControlNet", file)
  checkGiven("ControlNet: the config of the U-Net", unet, "layout", "inferUnetConfig")
  const scaled = withScales(file)
  const { tensors, layout, union, problems, unused } = readControlNet({ tensors: scaled.entries, label: file.label })
  if (problems.length > 0) {
    const shown = problems.slice(0, 5).join("; ")
    const more = problems.length > 5 ? `; and ${problems.length - 5} more` : ""
    throw new CoreError("checkpoint-incomplete", `${file.label} is not a whole ControlNet for SDXL: ${shown}${more}`)
  }
  expectFit(file.label, { ...layout, union }, unet)
  const entries = new Map<string, WeightEntry>()
  const isMatrix = matricesOf(controlNetFigure(layout))
  for (const [name, stored] of tensors) {
    const entry = scaled.entries.get(stored)
    if (entry === undefined) continue
    const [out = 0, inner = 0] = entry.shape
    const shape = isMatrix.has(name) ? [out, inner] : name.startsWith(HINT) ? entry.shape : withKernel(name, entry)
    entries.set(name, shape === entry.shape ? entry : reshaped(entry, shape))
  }
  const [first] = unused
  const notices =
    first === undefined
      ? []
      : [
          `"${file.label}": ${unused.length} of its tensors do not belong to a ControlNet and are not used, such as "${first}".`,
        ]
  return { file: { label: file.label, entries }, layout, union, notices }
}

const HINT = "input_hint_block."

/** Weights of linear layers, which some files store as 1×1 convolutions. */
function matricesOf(figure: ControlNetFigure): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (tree: object): void => {
    for (const value of Object.values(tree) as unknown[]) {
      if (typeof value !== "object" || value === null) continue
      if ("path" in value && "kind" in value) {
        if (value.kind === "linear") names.add(`${String(value.path)}.weight`)
      } else visit(value)
    }
  }
  visit(figure)
  return names
}

/** The 1×1 convolutions after the blocks, which some files store as matrices. */
function withKernel(name: string, { shape }: WeightEntry): readonly number[] {
  const isZero = name.startsWith("zero_convs.") || name.startsWith("middle_block_out.")
  return isZero && name.endsWith(".weight") && shape.length === 2 ? [...shape, 1, 1] : shape
}

/** Checks that residuals and conditions have the widths of the U-Net. */
function expectFit(
  label: string,
  { unet, widths, hintChannels, union }: ControlNetLayout & { readonly union: ControlNetUnion | null },
  base: UnetConfig,
): void {
  const expect = (what: string, got: number | string, wanted: number | string): void => {
    if (got === wanted) return
    throw new CoreError(
      "checkpoint-mixed",
      `${label}: this ControlNet has ${what} of ${got}, and the SDXL ${wanted}. Give one that was made for this model.`,
    )
  }
  const levels = ({ modelChannels, channelMult }: typeof unet): string =>
    channelMult.map((mult) => mult * modelChannels).join(", ")
  expect("levels", levels(unet), levels(base.layout))
  if (widths.contextDim > 0) expect("a text context", widths.contextDim, base.contextDim)
  expect("a pooled text and sizes", widths.vectorDim, vectorDimOf(base))
  expect("latent channels", widths.inChannels, base.outChannels)
  // It reads means over the channels of the first block.
  if (union !== null)
    expect("a transformer over its controls", union.width, (unet.channelMult[0] ?? 1) * unet.modelChannels)
  if (hintChannels !== 3) {
    throw new CoreError(
      "checkpoint-unsupported",
      `${label}: its control has ${hintChannels} channels, expected a picture of 3. A ControlNet for inpainting with a mask cannot be run yet.`,
    )
  }
}

/** A ControlNet on a device. */
export interface LoadedControlNet {
  readonly params: ControlNetParams
  /** What its file holds that is not used, one sentence each. */
  readonly notices: readonly string[]
  dispose(): void
}

/**
 * Loads a ControlNet for SDXL: diffusers' names, or the original ones of Stability, A1111 and ComfyUI.
 *
 * @param unet the U-Net that it steers
 * @throws FormatError `wrong-kind` for a file of another kind; CoreError that names what is missing or does not fit
 */
export async function loadControlNet(
  file: WeightFile,
  loader: WeightLoader,
  unet: UnetConfig,
): Promise<LoadedControlNet> {
  checkLoader("ControlNet", loader)
  const { file: named, layout, union, notices } = controlNetWeights(file, unet)
  const params = await loadParams("a ControlNet", named, loader, buildControlNet(layout, union))
  return { params, notices, dispose: () => disposeParams(params) }
}

/** Builds a ControlNet of a layout from tensors that are named as in Stability's layout, without a prefix. */
export function buildControlNet(
  layout: ControlNetLayout,
  union: ControlNetUnion | null = null,
): BuildParams<ControlNetParams> {
  return async (reader) => {
    const figure = controlNetFigure(layout)
    const read = layerReader(reader, "")
    const pair = async ([first, second]: ControlNetFigure["timeEmbedding"]) =>
      [await read.linear(first), await read.linear(second)] as const
    const zero = ({ path, outDim, inDim }: ControlNetFigure["middleZero"]): Promise<LinearWeight> =>
      reader.pointwise(path, outDim, inDim)
    return {
      config: layout,
      hint: await inOrder(figure.hint, async (layer) => ({
        layer,
        weight: await reader.conv2d(layer.path, layer.outDim, layer.inDim, layer.kernel),
      })),
      timeEmbedding: await pair(figure.timeEmbedding),
      sizeEmbedding: await pair(figure.sizeEmbedding),
      inputBlocks: await inOrder(figure.inputBlocks, (block) => readBlock(read, block)),
      middle: await readBlock(read, figure.middle),
      zero: await inOrder(figure.zero, zero),
      middleZero: await zero(figure.middleZero),
      union: union === null ? null : await readUnion(reader, union, layout),
    }
  }
}
