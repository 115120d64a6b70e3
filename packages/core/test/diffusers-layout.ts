import type { Dtype } from "@lllite/format"

/*
 * An SDXL with Stability's names, renamed to the names of diffusers and transformers. Blocks are enumerated by their
 * place, as in diffusers' converter (`scripts/convert_diffusers_to_original_stable_diffusion.py` and the one for SDXL).
 * The code under test shares nothing with this file.
 */

/** A tensor: its name, its shape, and its elements as numbers of any kind. */
export interface LayoutTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

export type LayoutTensors = ReadonlyMap<string, LayoutTensor>

/** The four weight files of a diffusers folder, by their folders' names. */
export interface DiffusersParts {
  readonly unet: LayoutTensors
  readonly vae: LayoutTensors
  readonly text_encoder: LayoutTensors
  readonly text_encoder_2: LayoutTensors
}

const UNET = "model.diffusion_model."
const VAE = "first_stage_model."
const TEXT1 = "conditioner.embedders.0.transformer."
const TEXT2 = "conditioner.embedders.1.model."

const RES: readonly (readonly [string, string])[] = [
  ["in_layers.0", "norm1"],
  ["in_layers.2", "conv1"],
  ["emb_layers.1", "time_emb_proj"],
  ["out_layers.0", "norm2"],
  ["out_layers.3", "conv2"],
  ["skip_connection", "conv_shortcut"],
]

/** Renames a checkpoint. It throws for a tensor without a name in diffusers. */
export function toDiffusers(checkpoint: LayoutTensors): DiffusersParts {
  const part = (prefix: string): Map<string, LayoutTensor> =>
    new Map(
      [...checkpoint].flatMap(([name, tensor]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
      ),
    )
  return {
    unet: renamed(part(UNET), unetBlocks()),
    vae: squareAttention(renamed(part(VAE), vaeBlocks())),
    text_encoder: part(TEXT1),
    text_encoder_2: text2(part(TEXT2)),
  }
}

type Blocks = readonly (readonly [stability: string, diffusers: string])[]

function renamed(tensors: LayoutTensors, blocks: Blocks): Map<string, LayoutTensor> {
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const block = blocks.find(([from]) => name.startsWith(`${from}.`))
      if (block === undefined) throw new Error(`"${name}" has no name in diffusers`)
      return [block[1] + name.slice(block[0].length), tensor]
    }),
  )
}

function unetBlocks(): Blocks {
  const blocks: [string, string][] = [
    ["time_embed.0", "time_embedding.linear_1"],
    ["time_embed.2", "time_embedding.linear_2"],
    ["label_emb.0.0", "add_embedding.linear_1"],
    ["label_emb.0.2", "add_embedding.linear_2"],
    ["input_blocks.0.0", "conv_in"],
    ["out.0", "conv_norm_out"],
    ["out.2", "conv_out"],
    ["middle_block.1", "mid_block.attentions.0"],
    ["input_blocks.3.0.op", "down_blocks.0.downsamplers.0.conv"],
    ["input_blocks.6.0.op", "down_blocks.1.downsamplers.0.conv"],
    ["output_blocks.2.2.conv", "up_blocks.0.upsamplers.0.conv"],
    ["output_blocks.5.2.conv", "up_blocks.1.upsamplers.0.conv"],
  ]
  const res = (stability: string, diffusers: string): void => {
    for (const [from, to] of RES) blocks.push([`${stability}.${from}`, `${diffusers}.${to}`])
  }
  res("middle_block.0", "mid_block.resnets.0")
  res("middle_block.2", "mid_block.resnets.1")
  for (let level = 0; level < 3; level++) {
    for (let i = 0; i < 2; i++) {
      res(`input_blocks.${3 * level + i + 1}.0`, `down_blocks.${level}.resnets.${i}`)
      if (level > 0) blocks.push([`input_blocks.${3 * level + i + 1}.1`, `down_blocks.${level}.attentions.${i}`])
    }
    for (let i = 0; i < 3; i++) {
      res(`output_blocks.${3 * level + i}.0`, `up_blocks.${level}.resnets.${i}`)
      if (level < 2) blocks.push([`output_blocks.${3 * level + i}.1`, `up_blocks.${level}.attentions.${i}`])
    }
  }
  return blocks
}

function vaeBlocks(): Blocks {
  const blocks: [string, string][] = [
    ["quant_conv", "quant_conv"],
    ["post_quant_conv", "post_quant_conv"],
  ]
  for (const coder of ["encoder", "decoder"]) {
    for (const layer of ["conv_in", "conv_out"]) blocks.push([`${coder}.${layer}`, `${coder}.${layer}`])
    blocks.push([`${coder}.norm_out`, `${coder}.conv_norm_out`])
    const attention = { norm: "group_norm", q: "to_q", k: "to_k", v: "to_v", proj_out: "to_out.0" }
    for (const [from, to] of Object.entries(attention)) {
      blocks.push([`${coder}.mid.attn_1.${from}`, `${coder}.mid_block.attentions.0.${to}`])
    }
    for (const i of [0, 1]) blocks.push([`${coder}.mid.block_${i + 1}`, `${coder}.mid_block.resnets.${i}`])
  }
  for (let level = 0; level < 4; level++) {
    for (let i = 0; i < 3; i++) {
      const [down, up] = [`encoder.down.${level}.block.${i}`, `decoder.up.${level}.block.${i}`]
      const [downTo, upTo] = [
        `encoder.down_blocks.${level}.resnets.${i}`,
        `decoder.up_blocks.${3 - level}.resnets.${i}`,
      ]
      blocks.push([`${down}.nin_shortcut`, `${downTo}.conv_shortcut`], [`${up}.nin_shortcut`, `${upTo}.conv_shortcut`])
      blocks.push([down, downTo], [up, upTo])
    }
    blocks.push([`encoder.down.${level}.downsample.conv`, `encoder.down_blocks.${level}.downsamplers.0.conv`])
    blocks.push([`decoder.up.${level}.upsample.conv`, `decoder.up_blocks.${3 - level}.upsamplers.0.conv`])
  }
  return blocks
}

/** diffusers has the attention's 1×1 convolutions as linear layers. */
function squareAttention(tensors: LayoutTensors): LayoutTensors {
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const isLinear = name.includes(".attentions.0.to_") && name.endsWith(".weight")
      return [name, isLinear ? { ...tensor, shape: tensor.shape.slice(0, 2) } : tensor]
    }),
  )
}

function text2(tensors: LayoutTensors): LayoutTensors {
  const blocks: Blocks = [
    ["ln_1", "layer_norm1"],
    ["ln_2", "layer_norm2"],
    ["attn.out_proj", "self_attn.out_proj"],
    ["mlp.c_fc", "mlp.fc1"],
    ["mlp.c_proj", "mlp.fc2"],
  ]
  const found = new Map<string, LayoutTensor>()
  for (const [name, tensor] of tensors) {
    const [, layer, rest = ""] = /^transformer\.resblocks\.(\d+)\.(.+)$/.exec(name) ?? []
    if (layer !== undefined) {
      const path = `text_model.encoder.layers.${layer}`
      const joined = /^attn\.in_proj_(weight|bias)$/.exec(rest)
      if (joined !== null) {
        for (const [i, which] of ["q", "k", "v"].entries()) {
          found.set(`${path}.self_attn.${which}_proj.${joined[1]}`, third(tensor, i))
        }
        continue
      }
      const [[inner, part] = []] = [...renamed(new Map([[rest, tensor]]), blocks)]
      if (inner !== undefined && part !== undefined) found.set(`${path}.${inner}`, part)
      continue
    }
    if (name === "token_embedding.weight") found.set("text_model.embeddings.token_embedding.weight", tensor)
    else if (name === "positional_embedding") found.set("text_model.embeddings.position_embedding.weight", tensor)
    else if (name === "text_projection") found.set("text_projection.weight", transposed(tensor))
    else if (name.startsWith("ln_final.")) {
      found.set(name.replace("ln_final", "text_model.final_layer_norm"), tensor)
    } else if (name !== "logit_scale") throw new Error(`"${name}" has no name in transformers`)
  }
  return found
}

function third({ dtype, shape, bytes }: LayoutTensor, which: number): LayoutTensor {
  const [rows = 0, ...rest] = shape
  const size = bytes.byteLength / 3
  return { dtype, shape: [rows / 3, ...rest], bytes: bytes.slice(which * size, (which + 1) * size) }
}

function transposed({ dtype, shape, bytes }: LayoutTensor): LayoutTensor {
  const [rows = 0, columns = 0] = shape
  const size = bytes.byteLength / (rows * columns)
  const result = new Uint8Array(bytes.byteLength)
  for (let i = 0; i < rows * columns; i++) {
    const to = (i % columns) * rows + Math.floor(i / columns)
    for (let byte = 0; byte < size; byte++) result[to * size + byte] = bytes[i * size + byte] as number
  }
  return { dtype, shape: [columns, rows], bytes: result }
}
