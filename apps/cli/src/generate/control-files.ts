import type { AdapterInput, AdapterRecipe } from "@lllite/core/recipe"
import { openSafetensors } from "@lllite/format"
import type { ControlType } from "@lllite/format/identify"
import { controlFileKind, controlTypeProblem, readControlNet } from "@lllite/format/identify"
import { InputError, withPath } from "@lllite/runtime-node"

/** The kinds of files with a control picture, by path. */
export type ControlKinds = ReadonlyMap<string, AdapterRecipe["kind"]>

/** The kind of a file: an LLLite or a ControlNet. @throws FormatError that names any other kind, with the way out */
export function readControlKind(path: string): Promise<AdapterRecipe["kind"]> {
  return withPath(path, async (source) => controlFileKind(await openSafetensors(source)))
}

/**
 * Whether a ControlNet reads its control type, which is that of a ControlNet Union.
 *
 * @throws InputError for a ControlNet Union without its control type, or of a type that it does not have
 */
export function readsControlType(path: string, type: ControlType | undefined): Promise<boolean> {
  return withPath(path, async (source) => {
    const { union } = readControlNet(await openSafetensors(source))
    if (union === null) return false
    const problem = controlTypeProblem(union, type)
    if (problem === null) return true
    throw new InputError("control-type", `"${path}": ${problem} Name it with --control_net_types.`)
  })
}

/** An adapter with the settings of its kind. `guessMode` and `controlType` belong to ControlNets. */
export function ofKind(
  { blocks, guidance, mask, hole, guessMode: _, controlType, ...adapter }: AdapterInput,
  kind: AdapterRecipe["kind"],
  guessMode: boolean,
): AdapterInput {
  if (kind === "controlnet") {
    const type = controlType === undefined ? {} : { controlType }
    return { ...adapter, kind, ...(guessMode ? { guessMode } : {}), ...type }
  }
  return {
    ...{ ...adapter, kind },
    ...(blocks === undefined ? {} : { blocks }),
    ...(guidance === undefined ? {} : { guidance }),
    ...(mask === undefined ? {} : { mask }),
    ...(hole === undefined ? {} : { hole }),
  }
}

/** Settings that ControlNets do not take. */
const LLLITE_ONLY = {
  llliteBlocks: "--lllite_blocks",
  llliteCond: "--lllite_cond",
  llliteUncond: "--lllite_uncond",
  llliteMasks: "--lllite_masks",
  llliteHoles: "--lllite_holes",
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
