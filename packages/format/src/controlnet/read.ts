import { FormatError, show } from "../errors.ts"
import type { NamedShapes } from "../identify/identify.ts"
import { identify } from "../identify/identify.ts"
import type { FileKind } from "../identify/kind-rules.ts"
import type { ControlNetFigure, ControlNetLayout } from "../networks/controlnet-figure.ts"
import { controlNetFigure, controlNetLayers } from "../networks/controlnet-figure.ts"
import type { ControlNetUnion } from "./union.ts"
import { unionOf, unionShapes } from "./union.ts"

/** The header of a ControlNet for SDXL. */
export interface ControlNetFile {
  /** Whose names its tensors have: those of diffusers, or the original ones, which A1111 and ComfyUI also write. */
  readonly names: "diffusers" | "original"
  readonly layout: ControlNetLayout
  readonly figure: ControlNetFigure
  /** The parts that only a ControlNet of several control types has. */
  readonly union: ControlNetUnion | null
  /** The tensors of the network: name in Stability's layout without a prefix → name in the file. */
  readonly tensors: ReadonlyMap<string, string>
  /** What is wrong with the file, one phrase each: a tensor that is missing or of another shape. */
  readonly problems: readonly string[]
  /** Tensors that the network does not have. */
  readonly unused: readonly string[]
}

interface Header {
  readonly tensors: NamedShapes
  readonly label: string
}

/** What only the original layout has, with or without the prefix. */
const PREFIX = "control_model."

/**
 * Reads names and shapes of a ControlNet for SDXL, of any width and depth: its layout, and what is missing.
 *
 * @throws FormatError `wrong-kind` that names what the file is instead, with the way out
 */
export function readControlNet(file: Header): ControlNetFile {
  expectControlNet(file)
  const { tensors } = file
  const isPrefixed = [...tensors.keys()].some((name) => name.startsWith(PREFIX))
  const prefix = isPrefixed ? PREFIX : ""
  const names = tensors.has(`${prefix}input_hint_block.0.weight`) ? "original" : "diffusers"
  const shapeOf = (original: string, diffusers: string): readonly number[] =>
    tensors.get(prefix + (names === "original" ? original : diffusers))?.shape ?? []
  const layout = layoutOf(shapeOf)
  const figure = controlNetFigure(layout)
  const union = unionOf((name) => tensors.get(prefix + name)?.shape)

  const wanted = new Map<string, { readonly name: string; readonly shape: readonly number[] }>()
  for (const layer of controlNetLayers(figure)) {
    const { kind, inDim, outDim, kernel } = layer
    const path = prefix + (names === "original" ? layer.path : layer.diffusersPath)
    const shape = kind === "norm" ? [outDim] : kind === "conv" ? [outDim, inDim, kernel, kernel] : [outDim, inDim]
    wanted.set(`${layer.path}.weight`, { name: `${path}.weight`, shape })
    if (layer.bias) wanted.set(`${layer.path}.bias`, { name: `${path}.bias`, shape: [outDim] })
  }
  if (union !== null) {
    for (const [name, shape] of unionShapes(union, layout)) wanted.set(name, { name: prefix + name, shape })
  }
  const problems = [...wanted.values()].flatMap(({ name, shape }) => {
    const found = tensors.get(name)?.shape
    if (found === undefined) return [`${show(name)} [${shape.join(", ")}] is missing`]
    // A 1×1 convolution may be stored as a matrix, and a matrix as a 1×1 convolution.
    const isSame = withoutOnes(found).join() === withoutOnes(shape).join()
    return isSame ? [] : [`${show(name)} is [${found.join(", ")}], expected [${shape.join(", ")}]`]
  })
  const used = new Set([...wanted.values()].map(({ name }) => name))
  return {
    ...{ names, layout, figure, union, problems },
    tensors: new Map([...wanted].map(([name, at]) => [name, at.name])),
    unused: [...tensors.keys()].filter((name) => !used.has(name)),
  }
}

const withoutOnes = (shape: readonly number[]): readonly number[] => {
  const end = shape.length === 4 && shape[2] === 1 && shape[3] === 1 ? 2 : shape.length
  return shape.slice(0, end)
}

/**
 * Refuses a file that is not a ControlNet for SDXL, and names its kind.
 *
 * @throws FormatError `wrong-kind`
 */
export function expectControlNet(file: Header): void {
  const { kind, detail, base } = identify(file)
  const refuse = (what: string, advice: string): never => {
    throw new FormatError("wrong-kind", `expected a ControlNet for SDXL, this is ${what}. ${advice}`, {
      source: file.label,
    })
  }
  if (kind !== "controlnet")
    refuse(detail, ADVICE[kind] ?? "Its tensors' names begin with controlnet_ or control_model.")
  const other = base === null ? undefined : OTHER_BASES[base]
  if (other !== undefined) refuse(`${detail.replace(/ for .*/, "")} for ${other}`, `It does not fit SDXL. ${FIND_ONE}`)
  const has = (name: string): boolean => file.tensors.has(name) || file.tensors.has(PREFIX + name)
  if (!has("add_embedding.linear_1.weight") && !has("label_emb.0.0.weight")) {
    refuse(`${detail} without SDXL's size conditioning`, `It belongs to another model. ${FIND_ONE}`)
  }
}

const FIND_ONE = "Find one of the same control for SDXL."

const OTHER_BASES: Readonly<Record<string, string>> = {
  sd1: "Stable Diffusion 1",
  sd2: "Stable Diffusion 2",
  sd3: "Stable Diffusion 3",
  flux: "Flux",
  anima: "Anima",
}

const ADVICE: Readonly<Partial<Record<FileKind, string>>> = {
  "lllite-anima": "It runs with Anima only.",
  "control-lora": `Control-LoRAs cannot be run yet. ${FIND_ONE}`,
  "controlnet-xs": `ControlNet-XS cannot be run yet. ${FIND_ONE}`,
  "t2i-adapter": "T2I-Adapters cannot be run yet. Find a ControlNet or an LLLite of the same control.",
  "ip-adapter": "IP-Adapters cannot be run yet, since they follow a picture by another network. Leave it out.",
  lora: "Give it as a LoRA.",
  lycoris: "Give it as a LoRA.",
  "sdxl-checkpoint": "Load it as the base model, and a ControlNet beside it.",
}

/** The numbers of a ControlNet, from its shapes. Missing tensors give small numbers, and are named later. */
function layoutOf(shape: (original: string, diffusers: string) => readonly number[]): ControlNetLayout {
  const [modelChannels = 1, inChannels = 4] = shape("input_blocks.0.0.weight", "conv_in.weight")
  const mult = (level: number): number => {
    const [width = modelChannels] = shape(
      `input_blocks.${3 * level + 1}.0.out_layers.0.weight`,
      `down_blocks.${level}.resnets.0.norm2.weight`,
    )
    return Math.max(1, Math.round(width / modelChannels))
  }
  const depth = (original: string, diffusers: string): number => {
    const has = (block: number): boolean =>
      shape(
        `${original}.transformer_blocks.${block}.norm1.weight`,
        `${diffusers}.transformer_blocks.${block}.norm1.weight`,
      ).length > 0
    let blocks = 0
    while (blocks < 1000 && has(blocks)) blocks++
    return blocks
  }
  const levelDepth = (level: number): number =>
    depth(`input_blocks.${3 * level + 1}.1`, `down_blocks.${level}.attentions.0`)
  const transformerDepth = [levelDepth(0), levelDepth(1), levelDepth(2)] as const
  const middleDepth = depth("middle_block.1", "mid_block.attentions.0")
  const keys: readonly (readonly [string, string])[] = [
    ["middle_block.1", "mid_block.attentions.0"],
    ...[0, 1, 2].map((level) => [`input_blocks.${3 * level + 1}.1`, `down_blocks.${level}.attentions.0`] as const),
  ]
  const contextDim = keys
    .map(([original, diffusers]) => {
      const tail = "transformer_blocks.0.attn2.to_k.weight"
      return shape(`${original}.${tail}`, `${diffusers}.${tail}`)[1]
    })
    .find((width) => width !== undefined)
  const hintWidths: number[] = []
  for (let i = 0; i < 100; i++) {
    const tail = i === 0 ? "conv_in" : `blocks.${i - 1}`
    const [width] = shape(`input_hint_block.${2 * i}.weight`, `controlnet_cond_embedding.${tail}.weight`)
    if (width === undefined) break
    hintWidths.push(width)
  }
  // In the original names, the last layer has the same name as the others.
  const isOriginal = shape("input_hint_block.0.weight", "").length > 0
  if (isOriginal) hintWidths.pop()
  // Without attention, the second residual block of the middle has the number 1.
  const second = shape("middle_block.1.in_layers.2.weight", "mid_block.resnets.1.conv1.weight")
  return {
    unet: { modelChannels, channelMult: [mult(0), mult(1), mult(2)], transformerDepth, middleDepth },
    widths: {
      inChannels,
      contextDim: contextDim ?? 0,
      vectorDim: shape("label_emb.0.0.weight", "add_embedding.linear_1.weight")[1] ?? 0,
    },
    // Only a middle without attention may have one block.
    middleBlocks: middleDepth === 0 && second.length === 0 ? 1 : 2,
    hintChannels: shape("input_hint_block.0.weight", "controlnet_cond_embedding.conv_in.weight")[1] ?? 3,
    hintWidths,
  }
}
