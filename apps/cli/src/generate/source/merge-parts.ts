import type { RecipeInput } from "@lllite/core/recipe"
import type { SettingName } from "@lllite/runtime-node/options"
import type { GENERATE_OPTIONS } from "../options.ts"
import type { RecipePart } from "./option-parts.ts"
import { OPTION_PARTS } from "./option-parts.ts"

/** A recipe without what each picture has of its own. */
export type RecipeBase = Omit<RecipeInput, "prompt" | "seed">

/** The recipe of a file, in which options that are given win. `options` is the recipe that all options make. */
export function mergeParts(
  file: RecipeBase,
  options: RecipeBase,
  isGiven: (name: SettingName<typeof GENERATE_OPTIONS>) => boolean,
): RecipeBase {
  let merged = file
  for (const [name, parts] of Object.entries(OPTION_PARTS)) {
    if (parts === null || !isGiven(name as SettingName<typeof GENERATE_OPTIONS>)) continue
    for (const part of parts) merged = withPart(merged, options, part)
  }
  return merged
}

/** An object of a recipe, of which a part is replaced. */
type Fields = Readonly<Record<string, unknown>>

function withPart(file: RecipeBase, options: RecipeBase, part: RecipePart): RecipeBase {
  return replaced(file as Fields, options as Fields, part.split(".")) as RecipeBase
}

/**
 * The object with the field at `path` as `from` has it, in every entry of a list. A field that `from` lacks is left out.
 * Where `from` lacks what holds the field, all stays.
 */
function replaced(into: Fields, from: Fields, [key = "", ...rest]: readonly string[]): Fields {
  const { [key]: before, ...others } = into
  const after = from[key]
  if (rest.length === 0) return after === undefined ? others : { ...others, [key]: after }
  if (after === undefined || after === null) return into
  if (Array.isArray(before)) {
    const source = after as readonly Fields[]
    const entries = (before as readonly Fields[]).map((entry, i) => {
      const own = source[i]
      return own === undefined ? entry : replaced(entry, own, rest)
    })
    return { ...others, [key]: entries }
  }
  return { ...others, [key]: replaced((before ?? {}) as Fields, after as Fields, rest) }
}
