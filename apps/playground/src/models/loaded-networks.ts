import type { AdapterHandle, ControlNetHandle, LoraHandle, SdxlHandle, WebRuntime } from "@lllite/runtime-web"
import type { Network } from "../controls/networks.ts"
import { PageError, sentence } from "../language/sentence.ts"

/** A model of a runtime. */
interface Loader {
  readonly runtime: Pick<WebRuntime, "loadAdapter" | "loadControlNet" | "loadLora">
  readonly sdxl: SdxlHandle
}

/** A network that is loaded for a model. */
export type LoadedNetwork =
  | { readonly kind: "lllite"; readonly handle: AdapterHandle }
  | { readonly kind: "controlnet"; readonly handle: ControlNetHandle }
  | { readonly kind: "lora"; readonly handle: LoraHandle }

const loaded = new WeakMap<SdxlHandle, Map<Network["source"], Promise<LoadedNetwork>>>()

/**
 * Loads a network for a model, once.
 *
 * @throws FormatError or CoreError for a file that is broken, of another kind, or for another model
 */
export function loadNetwork(model: Loader, network: Network): Promise<LoadedNetwork> {
  const { sdxl } = model
  const known = loaded.get(sdxl) ?? new Map<Network["source"], Promise<LoadedNetwork>>()
  loaded.set(sdxl, known)
  const found = known.get(network.source)
  if (found !== undefined) return found
  const loading = load(model, network)
  known.set(network.source, loading)
  // After a failure it can be tried again.
  loading.catch(() => known.delete(network.source))
  return loading
}

async function load({ runtime, sdxl }: Loader, { kind, source, name }: Network): Promise<LoadedNetwork> {
  if (kind === "lllite") return { kind, handle: await runtime.loadAdapter(source, sdxl) }
  if (!(source instanceof Blob)) throw new PageError(sentence("controls", "noFile", name))
  if (kind === "controlnet") return { kind, handle: await runtime.loadControlNet(source, sdxl) }
  return { kind, handle: await runtime.loadLora(source, sdxl) }
}

/** Frees a network of a model, or all of them. Work that runs with them ends first. */
export async function unloadNetworks(sdxl: SdxlHandle, source: Network["source"] | null = null): Promise<void> {
  const known = loaded.get(sdxl)
  if (known === undefined) return
  const ended = [...known].filter(([one]) => source === null || one === source)
  for (const [one] of ended) known.delete(one)
  await Promise.all(ended.map(async ([, loading]) => (await loading.catch(() => null))?.handle.dispose()))
}
