import { partsOfPrompt, regionMasks } from "@lllite/core"
import type { RgbImage } from "@lllite/core/image"
import type { Recipe, RegionsReference } from "@lllite/core/recipe"
import { readImage } from "@lllite/runtime-node"
import type { OptionReader, Settings } from "@lllite/runtime-node/options"
import type { GENERATE_OPTIONS } from "./options.ts"

type GenerateTable = typeof GENERATE_OPTIONS

/**
 * Whether the mask is a map of regions instead of a mask of the start picture. As in sd-scripts, it is one beside LoRAs.
 * There it always is, and here only where nothing else reads it, with a number of colours, or with `--compat sd-scripts`.
 */
function isMap(settings: Settings<GenerateTable>): boolean {
  const { maskPath, imagePath, networkRegionalMaskMaxColorCodes: codes, compat, networkWeights } = settings
  if (maskPath === undefined) return false
  return codes !== undefined || imagePath === undefined || (compat === "sd-scripts" && networkWeights.length > 0)
}

/** The regions of the command line. Null: there are none. */
export function regionsOf(settings: Settings<GenerateTable>): RegionsReference | null {
  const { maskPath: path, networkRegionalMaskMaxColorCodes: codes = null } = settings
  return path === undefined || !isMap(settings) ? null : { file: { path }, codes }
}

/** Checks the options of regions. The reader keeps the problems. */
export function checkRegionOptions({ settings, check, nameOf }: OptionReader<GenerateTable>): void {
  check(["networkRegionalMaskMaxColorCodes", "maskPath"], () =>
    settings.networkRegionalMaskMaxColorCodes !== undefined && settings.maskPath === undefined
      ? `${nameOf("networkRegionalMaskMaxColorCodes")} needs ${nameOf("maskPath")}, the map of regions`
      : null,
  )
}

/** What is said of the maps of pictures whose prompts or LoRAs do not use them. */
export function regionNotices(recipes: readonly RegionalRecipe[]): readonly string[] {
  const idle = recipes.find((recipe) => recipe.regions !== undefined && usedRegions(recipe) === 0)
  if (idle === undefined) return []
  return [
    `"${idle.regions?.file.path}" is a map of regions for LoRAs and for prompts with AND. "${idle.prompt}" has neither.`,
  ]
}

type RegionalRecipe = Pick<Recipe, "regions" | "loras" | "prompt" | "prompts">

/** The number of regions that a picture's LoRAs and parts use. A prompt without AND uses none. */
function usedRegions({ loras, prompt, prompts }: RegionalRecipe): number {
  const { length: parts } = partsOfPrompt(prompt, prompts)
  return Math.max(loras.length, parts > 1 ? parts : 0)
}

/** The regions of a picture, from its map. Null: everything acts everywhere. */
export type Regions = (recipes: readonly RegionalRecipe[]) => Promise<readonly RgbImage[] | null>

/** Reads maps of regions, each once for a run. What a map lacks is said. */
export function createRegions(say: (notice: string) => void): Regions {
  const kept = new Map<string, readonly RgbImage[]>()
  return async (recipes) => {
    const [{ regions } = {}] = recipes
    if (regions === undefined) return null
    const { file, codes } = regions
    const used = Math.max(...recipes.map(usedRegions))
    const key = `${codes} ${file.path}`
    const found = kept.get(key)
    if (found !== undefined) return found
    const { masks, missing: lacked } = regionMasks(await readImage(file.path), codes)
    const missing = lacked.filter((number) => number <= used)
    const named =
      codes === null ? missing.map((number) => ["red", "green", "blue"][number - 1] ?? "") : missing.map(String)
    if (named.length > 0) {
      const what = codes === null ? "channel" : "colour"
      say(`The map "${file.path}" has no ${what} ${named.join(", ")}. What acts there acts everywhere.`)
    }
    kept.set(key, masks)
    return masks
  }
}
