import { adapterOptions, controlNetOptions, type Recipe } from "@lllite/core/recipe"
import type {
  AdapterHandle,
  AdapterHandleUse,
  ControlNetHandle,
  ControlNetHandleUse,
  NodeRuntime,
  SdxlHandle,
} from "@lllite/runtime-node"
import { isForComfyUi } from "../lllite-file/comfyui.ts"
import type { ControlUse } from "./controls.ts"
import type { Masks } from "./masks.ts"

/** LLLites and ControlNets as a run takes them. */
export interface AdapterUses {
  readonly adapters: readonly AdapterHandleUse[]
  readonly controlNets: readonly ControlNetHandleUse[]
}

/** The loaded adapters of a recipe. */
export interface LoadedAdapters {
  /** The sites of each adapter, in the order of the recipe. A ControlNet has none. */
  readonly sites: readonly Pick<AdapterHandle, "adapters">[]
  /** Whether ComfyUI's node can load every LLLite: none shares a conditioner, or reads a hole or latents. */
  readonly isForComfyUi: boolean
  /** What a run of a recipe uses. The controls are in the order of its adapters. */
  uses(recipe: Recipe, controls: readonly ControlUse[], masks: Masks): AdapterUses
}

type Loaded =
  | { readonly kind: "lllite"; readonly handle: AdapterHandle }
  | { readonly kind: "controlnet"; readonly handle: ControlNetHandle }

/** Loads the LLLites and ControlNets of a recipe, each file once. */
export async function loadAdapters(
  runtime: NodeRuntime,
  sdxl: SdxlHandle,
  { adapters }: Pick<Recipe, "adapters">,
  say: (notice: string) => void,
): Promise<LoadedAdapters> {
  const loaded = new Map<string, Loaded>()
  for (const { kind, file } of adapters) {
    if (loaded.has(file.path)) continue
    const one: Loaded =
      kind === "lllite"
        ? { kind, handle: await runtime.loadAdapter(file.path, sdxl) }
        : { kind, handle: await runtime.loadControlNet(file.path, sdxl) }
    for (const notice of one.handle.notices) say(notice)
    loaded.set(file.path, one)
  }
  const sitesOf = (path: string): Pick<AdapterHandle, "adapters"> => {
    const one = loaded.get(path)
    return one?.kind === "lllite" ? one.handle : { adapters: [] }
  }
  const uses: LoadedAdapters["uses"] = (recipe, controls, masks) => {
    const uses: { adapters: AdapterHandleUse[]; controlNets: ControlNetHandleUse[] } = { adapters: [], controlNets: [] }
    for (const [i, adapter] of recipe.adapters.entries()) {
      const one = loaded.get(adapter.file.path)
      const control = controls[i]
      if (one === undefined || control === undefined) throw new Error(`"${adapter.file.path}" is not loaded`)
      const [mask, hole] = [masks(adapter.mask, recipe), masks(adapter.hole, recipe)]
      const masked = mask === undefined ? {} : { mask }
      if (one.kind === "controlnet") {
        uses.controlNets.push({ controlNet: one.handle, ...control, ...controlNetOptions(adapter), ...masked })
        continue
      }
      uses.adapters.push({
        ...{ adapter: one.handle, ...control, ...adapterOptions(adapter), ...masked },
        ...(hole === undefined ? {} : { hole }),
      })
    }
    return uses
  }
  const sites = adapters.map(({ file }) => sitesOf(file.path))
  const areForComfyUi = sites.every(({ adapters }) => isForComfyUi(adapters))
  if (!areForComfyUi) {
    say(
      "The pictures hold no workflow of ComfyUI, because it cannot load an LLLite with a shared conditioner, a hole or latents.",
    )
  }
  return { sites, isForComfyUi: areForComfyUi, uses }
}
