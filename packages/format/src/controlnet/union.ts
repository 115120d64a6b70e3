import type { ControlNetLayout } from "../networks/controlnet-figure.ts"

/** The parts that only a ControlNet of several control types has. */
export interface ControlNetUnion {
  /** Number of control types. */
  readonly types: number
  /** Width of the transformer that joins the controls. */
  readonly width: number
  /** Blocks of that transformer. */
  readonly blocks: number
}

/** The tensor that only such a ControlNet has: one row for each type. */
export const UNION_TASKS = "task_embedding"

/** The transformer that joins the controls. The misspelt name is that of every such file. */
export const UNION_BLOCKS = "transformer_layes"

/** Width of the embedding of each type, which is that of SDXL's sizes. */
export const UNION_TYPE_DIM = 256

/** The numbers of a union, or null if the file is a ControlNet of one control type. */
export function unionOf(shape: (name: string) => readonly number[] | undefined): ControlNetUnion | null {
  const [types, width] = shape(UNION_TASKS) ?? []
  if (types === undefined || width === undefined) return null
  let blocks = 0
  while (blocks < 1000 && shape(`${UNION_BLOCKS}.${blocks}.ln_1.weight`) !== undefined) blocks++
  return { types, width, blocks: Math.max(1, blocks) }
}

/** The tensors of a union by name and shape. Source: diffusers `models/controlnets/controlnet_union.py`. */
export function unionShapes(
  { types, width, blocks }: ControlNetUnion,
  { unet }: Pick<ControlNetLayout, "unet">,
): ReadonlyMap<string, readonly number[]> {
  const [first = 1] = unet.channelMult
  const channels = first * unet.modelChannels
  const embeddingDim = 4 * unet.modelChannels
  const linear = (name: string, out: number, inner: number): [string, readonly number[]][] => [
    [`${name}.weight`, [out, inner]],
    [`${name}.bias`, [out]],
  ]
  const norm = (name: string): [string, readonly number[]][] => [
    [`${name}.weight`, [width]],
    [`${name}.bias`, [width]],
  ]
  const block = (index: number): [string, readonly number[]][] => {
    const at = `${UNION_BLOCKS}.${index}`
    return [
      [`${at}.attn.in_proj_weight`, [3 * width, width]],
      [`${at}.attn.in_proj_bias`, [3 * width]],
      ...linear(`${at}.attn.out_proj`, width, width),
      ...norm(`${at}.ln_1`),
      ...linear(`${at}.mlp.c_fc`, 4 * width, width),
      ...linear(`${at}.mlp.c_proj`, width, 4 * width),
      ...norm(`${at}.ln_2`),
    ]
  }
  return new Map([
    [UNION_TASKS, [types, width]],
    ...Array.from({ length: blocks }, (_, index) => block(index)).flat(),
    ...linear("spatial_ch_projs", channels, width),
    ...linear("control_add_embedding.linear_1", embeddingDim, UNION_TYPE_DIM * types),
    ...linear("control_add_embedding.linear_2", embeddingDim, embeddingDim),
  ])
}
