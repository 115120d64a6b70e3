import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { writeAtomically } from "@lllite/runtime-node/files"

/** The settings of A1111 that are followed, with its defaults. */
export const OPTION_DEFAULTS = {
  /** Empty: the first checkpoint of the list. */
  sd_model_checkpoint: "",
  sd_vae: "Automatic",
  randn_source: "GPU",
  emphasis: "Original",
  CLIP_stop_at_last_layers: 1,
  eta_noise_seed_delta: 0,
  samples_format: "png",
  return_grid: true,
} as const

export type OptionValues = {
  readonly [Name in keyof typeof OPTION_DEFAULTS]: (typeof OPTION_DEFAULTS)[Name] extends string
    ? string
    : (typeof OPTION_DEFAULTS)[Name] extends number
      ? number
      : boolean
}

/** The settings of A1111's API, which stay over restarts. */
export interface A1111Options {
  readonly values: OptionValues
  /** Sets what is known. @returns the names of all others */
  set(values: Readonly<Record<string, unknown>>): Promise<readonly string[]>
}

/** Settings with others over them, for one request. */
export function withSettings(
  values: OptionValues,
  over: Readonly<Record<string, unknown>>,
): { readonly values: OptionValues; readonly unknown: readonly string[] } {
  const isKnown = ([name, value]: readonly [string, unknown]): boolean =>
    Object.hasOwn(OPTION_DEFAULTS, name) && typeof value === typeof OPTION_DEFAULTS[name as keyof OptionValues]
  const entries = Object.entries(over).filter(([, value]) => value !== null)
  return {
    values: { ...values, ...Object.fromEntries(entries.filter(isKnown)) },
    unknown: entries.filter((entry) => !isKnown(entry)).map(([name]) => name),
  }
}

/** Opens the settings of a folder. */
export async function openOptions(root: string): Promise<A1111Options> {
  const path = join(root, "a1111-options.json")
  let values: OptionValues = OPTION_DEFAULTS
  const saved = await readFile(path, "utf8").catch(() => "{}")
  try {
    values = withSettings(OPTION_DEFAULTS, JSON.parse(saved) as Readonly<Record<string, unknown>>).values
  } catch {
    // A file that was cut is as good as none.
  }
  return {
    get values() {
      return values
    },
    async set(over) {
      const read = withSettings(values, over)
      values = read.values
      await writeAtomically(path, `${JSON.stringify(values, null, 2)}\n`)
      return read.unknown
    },
  }
}
