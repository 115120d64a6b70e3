import type { AdapterDims } from "@lllite/format"

/** Whether ComfyUI's node can load an LLLite with these adapters: none shares a conditioner, or reads a hole or latents. */
export function isForComfyUi(
  adapters: readonly Pick<AdapterDims, "sharedTrunk" | "condChannels" | "condInput">[],
): boolean {
  return !adapters.some(
    ({ sharedTrunk, condChannels, condInput }) => sharedTrunk === true || condChannels === 4 || condInput === "latent",
  )
}
