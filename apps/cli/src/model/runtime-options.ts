import type { NodeRuntimeOptions, SdxlPaths } from "@lllite/runtime-node"
import { NODE_BACKENDS, PRECISIONS, WEIGHT_FORMATS } from "@lllite/runtime-node/machine"
import type { OptionSpec, OptionValues } from "../options/options.ts"
import { UsageError } from "../terminal/errors.ts"

/** What computes, and how. */
export type RuntimeChoice = Pick<NodeRuntimeOptions, "backend" | "precision" | "weights">

/** Taken by the commands that load a checkpoint of the user's. */
export const RUNTIME_OPTIONS: readonly OptionSpec[] = [
  {
    name: "backend",
    kind: "text",
    help: "what computes; the best that is there and works unless given",
    choices: NODE_BACKENDS,
  },
  {
    name: "precision",
    kind: "text",
    help: "of products with the checkpoint's weights, float32 unless given; bfloat16 pays on CPUs made for it",
    choices: PRECISIONS,
  },
  {
    name: "weights",
    kind: "text",
    help: "how the checkpoint's weights are held: as the file has them unless given, or rounded to 16 bits",
    choices: WEIGHT_FORMATS,
  },
]

/** Which parts of the checkpoint come from elsewhere, and how the VAE runs. */
export const MODEL_OPTIONS: readonly OptionSpec[] = [
  { name: "vae", kind: "text", help: "a VAE to use instead of the checkpoint's: a file, or a diffusers folder" },
  { name: "unet", kind: "text", help: "a U-Net to use instead of the checkpoint's, likewise" },
  {
    name: "vae_slices",
    kind: "integer",
    help: "parts in which the VAE takes a picture; as many as the free memory asks for unless given",
  },
]

/** Paths of a checkpoint and of the parts that are taken from elsewhere, among values that `readValues` has checked. */
export function sdxlPaths(checkpoint: string, values: OptionValues): SdxlPaths {
  const given = ["vae", "unet"].flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]]))
  return { checkpoint, ...Object.fromEntries(given) }
}

/** Slices for the VAE, or null where memory decides. @throws UsageError for less than one */
export function vaeSlices(values: OptionValues, where: string): number | null {
  const slices = (values.vae_slices ?? null) as number | null
  if (slices !== null && slices < 1) throw new UsageError(`${where}: vae_slices is ${slices}, expected at least 1`)
  return slices
}

/** The choice among values that `readValues` has checked. */
export function runtimeChoice(values: OptionValues): RuntimeChoice {
  return Object.fromEntries(
    RUNTIME_OPTIONS.flatMap(({ name }) => (values[name] === undefined ? [] : [[name, values[name]]])),
  ) as RuntimeChoice
}
