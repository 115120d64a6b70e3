import { NODE_BACKENDS } from "@lllite/runtime-node/machine"
import type { OptionSpec } from "./options.ts"

/** Taken by every command that computes. */
export const BACKEND_OPTION: OptionSpec = {
  name: "backend",
  kind: "text",
  help: "what computes; the best that is there and works unless given",
  choices: NODE_BACKENDS,
}
