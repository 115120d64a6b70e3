import type { ControlNetLayout, ControlNetUnion } from "@lllite/format/identify"
import { UNION_BLOCKS, UNION_TASKS, UNION_TYPE_DIM } from "@lllite/format/identify"
import { inOrder } from "../unet/weights.ts"
import type { WeightReader } from "../weight-reader.ts"
import type { UnionBlockParams, UnionParams } from "./params.ts"

/** Reads what only a ControlNet of several control types has. */
export async function readUnion(
  reader: WeightReader,
  { types, width, blocks }: ControlNetUnion,
  { unet: { modelChannels, channelMult } }: ControlNetLayout,
): Promise<UnionParams> {
  const block = async (at: string): Promise<UnionBlockParams> => ({
    norm1: await reader.norm(`${at}.ln_1`, width),
    qkv: await reader.matrix(`${at}.attn.in_proj_weight`, `${at}.attn.in_proj_bias`, 3 * width, width),
    out: await reader.linear(`${at}.attn.out_proj`, width, width),
    norm2: await reader.norm(`${at}.ln_2`, width),
    feedIn: await reader.linear(`${at}.mlp.c_fc`, 4 * width, width),
    feedOut: await reader.linear(`${at}.mlp.c_proj`, width, 4 * width),
  })
  const embeddingDim = 4 * modelChannels
  return {
    types,
    tasks: await reader.table(UNION_TASKS, types, width),
    blocks: await inOrder(
      Array.from({ length: blocks }, (_, i) => i),
      (i) => block(`${UNION_BLOCKS}.${i}`),
    ),
    shifts: await reader.linear("spatial_ch_projs", (channelMult[0] ?? 1) * modelChannels, width),
    typeEmbedding: [
      await reader.linear("control_add_embedding.linear_1", embeddingDim, UNION_TYPE_DIM * types),
      await reader.linear("control_add_embedding.linear_2", embeddingDim, embeddingDim),
    ],
  }
}
