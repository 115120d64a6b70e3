import type { Renames } from "./renames.ts"

const RES_LAYER = "(norm1|conv1|norm2|conv2|conv_shortcut)"
const resLayer = (layer: string): string => (layer === "conv_shortcut" ? "nin_shortcut" : layer)

/** Layers of the attention in the middle. The last four are the names of diffusers before 0.13. */
const ATTENTION: Readonly<Record<string, string>> = {
  group_norm: "norm",
  to_q: "q",
  to_k: "k",
  to_v: "v",
  "to_out.0": "proj_out",
  query: "q",
  key: "k",
  value: "v",
  proj_attn: "proj_out",
}

/**
 * Renames diffusers' names of a VAE (`AutoencoderKL`) to those of LDM, without a prefix.
 *
 * @param levels levels of the decoder. Diffusers counts them in the order they run, and LDM by size.
 */
export function vaeRenames(levels: number): Renames {
  return [
    [/^((?:post_)?quant_conv\..+)$/, "$1"],
    [/^((?:en|de)coder\.conv_(?:in|out)\..+)$/, "$1"],
    [/^((?:en|de)coder)\.conv_norm_out\.(.+)$/, "$1.norm_out.$2"],
    [
      new RegExp(`^encoder\\.down_blocks\\.(\\d+)\\.resnets\\.(\\d+)\\.${RES_LAYER}\\.(.+)$`),
      (level = "", i = "", layer = "", rest = "") => `encoder.down.${level}.block.${i}.${resLayer(layer)}.${rest}`,
    ],
    [/^encoder\.down_blocks\.(\d+)\.downsamplers\.0\.conv\.(.+)$/, "encoder.down.$1.downsample.conv.$2"],
    [
      new RegExp(`^decoder\\.up_blocks\\.(\\d+)\\.resnets\\.(\\d+)\\.${RES_LAYER}\\.(.+)$`),
      (level = "", i = "", layer = "", rest = "") =>
        `decoder.up.${levels - 1 - Number(level)}.block.${i}.${resLayer(layer)}.${rest}`,
    ],
    [
      /^decoder\.up_blocks\.(\d+)\.upsamplers\.0\.conv\.(.+)$/,
      (level = "", rest = "") => `decoder.up.${levels - 1 - Number(level)}.upsample.conv.${rest}`,
    ],
    [
      new RegExp(`^((?:en|de)coder)\\.mid_block\\.resnets\\.([01])\\.${RES_LAYER}\\.(.+)$`),
      (coder = "", i = "", layer = "", rest = "") => `${coder}.mid.block_${Number(i) + 1}.${resLayer(layer)}.${rest}`,
    ],
    [
      /^((?:en|de)coder)\.mid_block\.attentions\.0\.(group_norm|to_[qkv]|to_out\.0|query|key|value|proj_attn)\.(.+)$/,
      (coder = "", layer = "", rest = "") => `${coder}.mid.attn_1.${ATTENTION[layer]}.${rest}`,
    ],
  ]
}

/** A linear layer of diffusers that LDM has as a 1×1 convolution. */
export function isPointwise(ldmName: string): boolean {
  return /\.mid\.attn_1\.(q|k|v|proj_out)\.weight$/.test(ldmName)
}
