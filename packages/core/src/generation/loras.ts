import type { LiveLora, LoraStrength } from "../models/lora/live-lora.ts"
import { loraTap } from "../models/lora/live-lora.ts"
import type { Tap } from "../models/taps.ts"
import { chainTaps, NO_TAP } from "../models/taps.ts"
import type { Ops } from "../ops/ops.ts"

/** A live LoRA with the settings of its use. */
export interface LoraRun extends LoraStrength {
  readonly lora: LiveLora
}

/** All LoRAs of a run as one tap. What they add is summed. */
export function lorasTap(ops: Ops, loras: readonly LoraRun[]): Tap {
  const taps = loras.map(({ lora, ...use }) => loraTap(ops, lora, use))
  return taps.length === 0 ? NO_TAP : chainTaps(taps)
}
