import type { NodeRuntimeOptions, SdxlPaths } from "@lllite/runtime-node"
import { NODE_BACKENDS, PRECISIONS, WEIGHT_FORMATS } from "@lllite/runtime-node/machine"
import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { choice, integer, text } from "@lllite/runtime-node/options"

/** What computes, and how. For the commands that load a checkpoint of the user's. */
export const RUNTIME_OPTIONS = {
  backend: choice(NODE_BACKENDS, { help: "What computes.", otherwise: "the best one that works here" }),
  precision: choice(PRECISIONS, {
    help: "Precision of products with the checkpoint's weights. bfloat16 is faster on CPUs made for it.",
    otherwise: "float32",
  }),
  weights: choice(WEIGHT_FORMATS, {
    help: "How the checkpoint's weights are held in memory. The 16-bit formats round.",
    otherwise: "as the file has them",
  }),
} satisfies OptionTable

/** Which parts of the checkpoint come from elsewhere, and how the VAE runs. */
export const MODEL_OPTIONS = {
  vae: text({ valueName: "path", help: "VAE to use instead of the checkpoint's: a file, or a diffusers folder." }),
  unet: text({ valueName: "path", help: "U-Net to use instead of the checkpoint's: a file, or a diffusers folder." }),
  vae_slices: integer({
    min: 1,
    max: 4096,
    nothing: [0],
    otherwise: "as many as the free memory needs",
    help: "Parts in which the VAE computes a picture. More parts need less memory.",
  }),
} satisfies OptionTable

type ModelSettings = Pick<Settings<typeof MODEL_OPTIONS>, "vae" | "unet">

/** Paths of a checkpoint and of the parts that are taken from elsewhere. */
export function sdxlPaths(checkpoint: string, { vae, unet }: ModelSettings): SdxlPaths {
  return { checkpoint, ...(vae === undefined ? {} : { vae }), ...(unet === undefined ? {} : { unet }) }
}

/** What computes, and how. */
export type RuntimeChoice = Pick<NodeRuntimeOptions, "backend" | "precision" | "weights">

/** The choice without what was not chosen. */
export function runtimeChoice({ backend, precision, weights }: Settings<typeof RUNTIME_OPTIONS>): RuntimeChoice {
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(precision === undefined ? {} : { precision }),
    ...(weights === undefined ? {} : { weights }),
  }
}
