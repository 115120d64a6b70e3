import type { NodeRuntimeOptions } from "@lllite/runtime-node"
import { NODE_BACKENDS, PRECISIONS, WEIGHT_FORMATS } from "@lllite/runtime-node/machine"
import type { OptionSpec, OptionValues } from "./options.ts"

/** What computes, and how. */
export type RuntimeChoice = Pick<NodeRuntimeOptions, "backend" | "precision" | "weights">

export const BACKEND_OPTION: OptionSpec = {
  name: "backend",
  kind: "text",
  help: "what computes; the best that is there and works unless given",
  choices: NODE_BACKENDS,
}

/** Taken by the commands that load a checkpoint of the user's. */
export const RUNTIME_OPTIONS: readonly OptionSpec[] = [
  BACKEND_OPTION,
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

/** The choice among values that `readValues` has checked. */
export function runtimeChoice(values: OptionValues): RuntimeChoice {
  return Object.fromEntries(
    RUNTIME_OPTIONS.flatMap(({ name }) => (values[name] === undefined ? [] : [[name, values[name]]])),
  ) as RuntimeChoice
}
