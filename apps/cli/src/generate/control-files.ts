import type { AdapterInput, AdapterRecipe } from "@lllite/core/recipe"
import { openSafetensors } from "@lllite/format"
import { controlFileKind } from "@lllite/format/identify"
import { withPath } from "@lllite/runtime-node"

/** The kinds of files with a control picture, by path. */
export type ControlKinds = ReadonlyMap<string, AdapterRecipe["kind"]>

/** The kind of a file: an LLLite or a ControlNet. @throws FormatError that names any other kind, with the way out */
export function readControlKind(path: string): Promise<AdapterRecipe["kind"]> {
  return withPath(path, async (source) => controlFileKind(await openSafetensors(source)))
}

/** An adapter with the settings of its kind. `guessMode` belongs to ControlNets. */
export function ofKind(
  { blocks, guidance, mask, guessMode: _, ...adapter }: AdapterInput,
  kind: AdapterRecipe["kind"],
  guessMode: boolean,
): AdapterInput {
  if (kind === "controlnet") return { ...adapter, kind, ...(guessMode ? { guessMode } : {}) }
  return {
    ...{ ...adapter, kind },
    ...(blocks === undefined ? {} : { blocks }),
    ...(guidance === undefined ? {} : { guidance }),
    ...(mask === undefined ? {} : { mask }),
  }
}

/** Settings that ControlNets do not take. */
const LLLITE_ONLY = {
  llliteBlocks: "--lllite_blocks",
  llliteCond: "--lllite_cond",
  llliteUncond: "--lllite_uncond",
  llliteMasks: "--lllite_masks",
} as const

/** What is said of settings that the kinds of the files do not take. */
export function controlNotices(
  kinds: ControlKinds,
  settings: { readonly controlNetGuessMode: boolean } & Readonly<Record<keyof typeof LLLITE_ONLY, readonly unknown[]>>,
): readonly string[] {
  const [net] = [...kinds].find(([, kind]) => kind === "controlnet") ?? []
  if (net === undefined) {
    return settings.controlNetGuessMode && kinds.size > 0
      ? ["--control_net_guess_mode has no effect, because no file is a ControlNet."]
      : []
  }
  return Object.entries(LLLITE_ONLY).flatMap(([name, option]) =>
    settings[name as keyof typeof LLLITE_ONLY].length > 0
      ? [`${option} acts on LLLites alone. "${net}" is a ControlNet.`]
      : [],
  )
}
