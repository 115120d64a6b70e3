import { NODE_BACKENDS } from "@lllite/runtime-node/machine"
import type { OptionTable, Settings } from "@lllite/runtime-node/options"
import { choice, flag, folder, integer } from "@lllite/runtime-node/options"
import { DEMO } from "./settings.ts"

/** Options of `demo`. */
export const DEMO_OPTIONS = {
  out: folder({
    otherwise: "demo-output, or demo-output-2 and so on where that exists",
    help: "Folder to write into.",
  }),
  force: flag({ help: "Replace the files of an earlier demo in the folder." }),
  seed: integer({ default: 0, min: 0, max: 2 ** 32 - 1, help: "Seed. The same seed gives the same files." }),
  steps: integer({ default: DEMO.steps, min: 1, max: 1_000_000, help: "Steps of training." }),
  backend: choice(NODE_BACKENDS, {
    default: DEMO.backend,
    help: "Backend that computes. Every machine has the default, so results can be compared.",
  }),
} satisfies OptionTable

export type DemoOptions = Settings<typeof DEMO_OPTIONS>

/** The settings of a demo, with its folder. */
export type DemoSettings = DemoOptions & { readonly out: string }
