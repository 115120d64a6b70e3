import type { TextualInversion } from "@lllite/core/models"
import { loraOptions, type Recipe } from "@lllite/core/recipe"
import type { LoraHandle, LoraHandleUse, NodeRuntime, SdxlHandle } from "@lllite/runtime-node"
import type { Reporter } from "../terminal/progress.ts"
import type { PlannedPicture } from "./plan-pictures.ts"
import { loadTextualInversions } from "./textual-inversions.ts"

/** Gives the loaded LoRAs of a picture, with their strengths, and its textual inversions. */
export type LorasOf = (recipe: Pick<Recipe, "loras" | "textualInversions">) => {
  readonly loras: readonly LoraHandleUse[]
  readonly textualInversions: readonly TextualInversion[]
}

/** A function that loads the LoRAs and textual inversions of pictures, each file once over all calls. */
export function createNetworks(
  runtime: NodeRuntime,
  sdxl: SdxlHandle,
  reporter: Reporter,
): (pictures: readonly Pick<PlannedPicture, "recipe">[]) => Promise<LorasOf> {
  const handles = new Map<string, LoraHandle>()
  return async (pictures) => {
    for (const path of pictures.flatMap(({ recipe }) => recipe.loras.map(({ file }) => file.path))) {
      if (handles.has(path)) continue
      const lora = await runtime.loadLora(path, sdxl)
      for (const text of lora.notices) reporter.say("notice", { text }, `Note: ${text}`)
      handles.set(path, lora)
    }
    const inversions = await loadTextualInversions(runtime, pictures[0]?.recipe.textualInversions ?? [])
    return ({ loras }) => ({
      loras: loras.map((use) => ({ lora: handles.get(use.file.path) as LoraHandle, ...loraOptions(use) })),
      // All pictures have the same ones.
      textualInversions: inversions,
    })
  }
}
