import type { AdapterDims } from "@lllite/format"

/** Whether ComfyUI's node can load an LLLite with these adapters: none shares a conditioner or reads a hole. */
export function isForComfyUi(adapters: readonly Pick<AdapterDims, "sharedTrunk" | "condChannels">[]): boolean {
  return !adapters.some(({ sharedTrunk, condChannels }) => sharedTrunk === true || condChannels === 4)
}
