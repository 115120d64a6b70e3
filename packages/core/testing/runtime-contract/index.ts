import { ADAPTERS } from "./adapters.ts"
import type { RuntimeCase } from "./case.ts"
import { CONTROL_NETS } from "./control-nets.ts"
import { CONTROLS } from "./controls.ts"
import { GENERATING } from "./generating.ts"
import { LORAS } from "./loras.ts"
import { REFUSING } from "./refusing.ts"
import { SAMPLING } from "./sampling.ts"
import { STOPPING } from "./stopping.ts"
import { TILES } from "./tiles.ts"
import { TRAINING } from "./training.ts"

export type { RuntimeCase, RuntimeSubject } from "./case.ts"

/*
 * The contract of `Runtime`, as cases that any runtime can run, also in a browser's page. A case throws when the
 * runtime breaks the contract. The models are small: two tiny checkpoints and an LLLite for them.
 */

/** All cases. They run one after another. Most of them share a runtime, which the caller disposes. */
export const RUNTIME_CASES: readonly RuntimeCase[] = [
  ...GENERATING,
  ...SAMPLING,
  ...TILES,
  ...ADAPTERS,
  ...CONTROLS,
  ...CONTROL_NETS,
  ...LORAS,
  ...STOPPING,
  ...TRAINING,
  ...REFUSING,
]
