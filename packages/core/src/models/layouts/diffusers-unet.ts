import type { Renames } from "./renames.ts"

/** What a residual block's layers are called. */
const RES: Readonly<Record<string, string>> = {
  norm1: "in_layers.0",
  conv1: "in_layers.2",
  time_emb_proj: "emb_layers.1",
  norm2: "out_layers.0",
  conv2: "out_layers.3",
  conv_shortcut: "skip_connection",
}
const RES_LAYER = `(${Object.keys(RES).join("|")})`

/** Residual blocks of a level on the way down; each is a block of its own in Stability's count, and so is a resample. */
const DOWN = 3
/** On the way up the resample belongs to the last of its level's blocks. */
const UP = 3

/**
 * From diffusers' names of SDXL's U-Net (`UNet2DConditionModel`) to Stability's, without a prefix.
 *
 * @param has whether some tensor's name begins so: blocks without attention number their layers otherwise
 */
export function unetRenames(has: (prefix: string) => boolean): Renames {
  const res = (block: string, layer: string, rest: string): string => `${block}.${RES[layer]}.${rest}`
  const middleLast = has("mid_block.attentions.0.") ? 2 : 1
  return [
    [/^conv_in\.(.+)$/, "input_blocks.0.0.$1"],
    [/^time_embedding\.linear_1\.(.+)$/, "time_embed.0.$1"],
    [/^time_embedding\.linear_2\.(.+)$/, "time_embed.2.$1"],
    [/^add_embedding\.linear_1\.(.+)$/, "label_emb.0.0.$1"],
    [/^add_embedding\.linear_2\.(.+)$/, "label_emb.0.2.$1"],
    [/^conv_norm_out\.(.+)$/, "out.0.$1"],
    [/^conv_out\.(.+)$/, "out.2.$1"],
    [
      new RegExp(`^down_blocks\\.(\\d+)\\.resnets\\.(\\d+)\\.${RES_LAYER}\\.(.+)$`),
      (level = "", i = "", layer = "", rest = "") =>
        res(`input_blocks.${1 + DOWN * Number(level) + Number(i)}.0`, layer, rest),
    ],
    [
      /^down_blocks\.(\d+)\.attentions\.(\d+)\.(.+)$/,
      (level = "", i = "", rest = "") => `input_blocks.${1 + DOWN * Number(level) + Number(i)}.1.${rest}`,
    ],
    [
      /^down_blocks\.(\d+)\.downsamplers\.0\.conv\.(.+)$/,
      (level = "", rest = "") => `input_blocks.${DOWN * (Number(level) + 1)}.0.op.${rest}`,
    ],
    [
      new RegExp(`^mid_block\\.resnets\\.([01])\\.${RES_LAYER}\\.(.+)$`),
      (i = "", layer = "", rest = "") => res(`middle_block.${i === "0" ? 0 : middleLast}`, layer, rest),
    ],
    [/^mid_block\.attentions\.0\.(.+)$/, "middle_block.1.$1"],
    [
      new RegExp(`^up_blocks\\.(\\d+)\\.resnets\\.(\\d+)\\.${RES_LAYER}\\.(.+)$`),
      (level = "", i = "", layer = "", rest = "") =>
        res(`output_blocks.${UP * Number(level) + Number(i)}.0`, layer, rest),
    ],
    [
      /^up_blocks\.(\d+)\.attentions\.(\d+)\.(.+)$/,
      (level = "", i = "", rest = "") => `output_blocks.${UP * Number(level) + Number(i)}.1.${rest}`,
    ],
    [
      /^up_blocks\.(\d+)\.upsamplers\.0\.conv\.(.+)$/,
      (level = "", rest = "") => {
        const layer = has(`up_blocks.${level}.attentions.${UP - 1}.`) ? 2 : 1
        return `output_blocks.${UP * Number(level) + UP - 1}.${layer}.conv.${rest}`
      },
    ],
  ]
}
