import type { LoraInput } from "@lllite/core/recipe"
import { signal } from "@preact/signals"
import { networkOf } from "../controls/networks.ts"

/** A LoRA of the next picture. */
export interface LoraUse {
  readonly id: number
  /** Name of its network. */
  readonly network: string
  /** The factor on what it adds to the U-Net. */
  readonly strength: number
  /** The same for both text encoders. */
  readonly textStrength: number
}

/** The LoRAs of the next picture, in their order. */
export const loras = signal<readonly LoraUse[]>([])

let lastId = 0

/** A use of a LoRA. */
export function newLora(network: string, strength = 1, textStrength = strength): LoraUse {
  return { id: ++lastId, network, strength, textStrength }
}

/** Changes a use. */
export function changeLora(id: number, changes: Partial<Omit<LoraUse, "id">>): void {
  loras.value = loras.value.map((use) => (use.id === id ? { ...use, ...changes } : use))
}

/** A use as the SDK's recipes have it. */
export function loraRecipe({ network, strength, textStrength }: LoraUse): LoraInput {
  const sha256 = networkOf(network)?.sha256 ?? null
  return { file: { path: network, ...(sha256 === null ? {} : { sha256 }) }, strength, textStrength }
}
