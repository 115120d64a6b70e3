import { GENERATE_RANGES } from "@lllite/core/names"
import type { NodeRuntimeOptions, SdxlPaths } from "@lllite/runtime-node"
import { NODE_BACKENDS, PRECISIONS, WEIGHT_DTYPES } from "@lllite/runtime-node/machine"
import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { choice, flag, integer, taken, text } from "@lllite/runtime-node/options"
import { dtypeKind } from "../command/dtype.ts"

/** Backend and precision, for the commands that load a user's checkpoint. */
export const RUNTIME_OPTIONS = {
  backend: choice(NODE_BACKENDS, {
    help: "Backend that computes.",
    otherwise: "the best one that works on this machine",
  }),
  precision: taken(dtypeKind(PRECISIONS), {
    help:
      "Dtype of products with the checkpoint's weights. BF16 is faster on CPUs with instructions for it. F16 is for graphics " +
      "cards: the U-Net takes less memory, and is faster with subgroup matrices.",
    otherwise: "F32",
  }),
  weights: taken(dtypeKind(WEIGHT_DTYPES), {
    help:
      "Dtype of the checkpoint's weights in memory. F32 is faster on CPUs than a file's 16 bits, and takes twice their memory. " +
      "The 16-bit dtypes round.",
    otherwise: "the dtypes of the file",
  }),
} satisfies OptionTable

/** Other files for parts of the checkpoint, and how the VAE runs. */
export const MODEL_OPTIONS = {
  vae: text({
    valueName: "path",
    help: "VAE that replaces the checkpoint's: a file, an address, a name on the Hub or a diffusers folder.",
  }),
  unet: text({
    valueName: "path",
    help: "U-Net that replaces the checkpoint's: a file, an address, a name on the Hub or a diffusers folder.",
  }),
  offline: flag({ help: "Do not download: use the models in the cache. See lllite cache." }),
  vae_slices: integer({
    ...GENERATE_RANGES.vaeSlices,
    nothing: [0],
    otherwise: "chosen from the free memory",
    help: "Parts in which the VAE computes a picture. More parts need less memory.",
  }),
} satisfies OptionTable

type ModelSettings = Pick<Settings<typeof MODEL_OPTIONS>, "vae" | "unet">

/** Paths of a checkpoint and of the files that replace parts of it. */
export function sdxlPaths(checkpoint: string, { vae, unet }: ModelSettings): SdxlPaths {
  return { checkpoint, ...(vae === undefined ? {} : { vae }), ...(unet === undefined ? {} : { unet }) }
}

/** Backend and precision. */
export type RuntimeChoice = Pick<NodeRuntimeOptions, "backend" | "precision" | "weights">

/** The choice without undefined values. */
export function runtimeChoice({ backend, precision, weights }: Settings<typeof RUNTIME_OPTIONS>): RuntimeChoice {
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(precision === undefined ? {} : { precision }),
    ...(weights === undefined ? {} : { weights }),
  }
}
