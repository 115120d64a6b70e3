import type { Renames } from "./renames.ts"

/**
 * Renames transformers' names of SDXL's second text encoder (`CLIPTextModelWithProjection`) to those of open_clip,
 * without a prefix. Queries, keys and values are not among them, because open_clip joins them. The projection is not
 * among them, because open_clip stores it transposed.
 */
export const TEXT2_RENAMES: Renames = [
  [/^text_model\.embeddings\.token_embedding\.weight$/, "token_embedding.weight"],
  [/^text_model\.embeddings\.position_embedding\.weight$/, "positional_embedding"],
  [/^text_model\.final_layer_norm\.(.+)$/, "ln_final.$1"],
  [/^text_model\.encoder\.layers\.(\d+)\.layer_norm([12])\.(.+)$/, "transformer.resblocks.$1.ln_$2.$3"],
  [/^text_model\.encoder\.layers\.(\d+)\.self_attn\.out_proj\.(.+)$/, "transformer.resblocks.$1.attn.out_proj.$2"],
  [/^text_model\.encoder\.layers\.(\d+)\.mlp\.fc1\.(.+)$/, "transformer.resblocks.$1.mlp.c_fc.$2"],
  [/^text_model\.encoder\.layers\.(\d+)\.mlp\.fc2\.(.+)$/, "transformer.resblocks.$1.mlp.c_proj.$2"],
]

/** The first of three layers that open_clip joins. It captures the block's number, and `weight` or `bias`. */
export const TEXT2_QUERY = /^text_model\.encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)$/
