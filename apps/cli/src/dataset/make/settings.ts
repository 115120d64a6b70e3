import type { Preprocessing } from "@lllite/core/image"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { FanOut } from "../../pieces/fan-out.ts"
import type { MAKE_OPTIONS } from "./options.ts"
import { DRAWING_OPTIONS, UNUSED } from "./options.ts"

export type MakeReader = OptionReader<typeof MAKE_OPTIONS>

/** The names of a table's options as settings have them. */
type MakeSetting = Parameters<MakeReader["isGiven"]>[0]

/**
 * Checks options that depend on each other.
 *
 * @param keeper keeps the problems. Default: the reader
 */
export function checkMake(reader: MakeReader, { check }: Pick<MakeReader, "check"> = reader): void {
  const { settings, isGiven, nameOf } = reader
  check(["fromPictures", "prompts"], () => {
    if (isGiven("fromPictures") !== isGiven("prompts")) return null
    const [pictures, prompts] = [nameOf("fromPictures"), nameOf("prompts")]
    return isGiven("prompts")
      ? `${pictures} and ${prompts} are both given. Keep one of them`
      : `${pictures} or ${prompts} is missing, expected a folder of pictures, or a file of prompts to draw`
  })
  if (settings.fromPictures !== undefined && settings.prompts === undefined) {
    const given = settingsOf(DRAWING_OPTIONS).filter(isGiven)
    check(given, () => {
      if (given.length === 0) return null
      const names = given.map(nameOf).join(", ")
      return `${names} ${given.length === 1 ? "serves" : "serve"} pictures of prompts, and ${nameOf("fromPictures")} draws none. Leave ${given.length === 1 ? "it" : "them"} out`
    })
    return
  }
  check(["copy"], () =>
    isGiven("copy") ? `${nameOf("copy")} belongs to ${nameOf("fromPictures")}. Leave it out` : null,
  )
  for (const name of settingsOf(UNUSED)) {
    check([name], () =>
      isGiven(name) ? `${nameOf(name)} is not used for a data set. Leave it out, and give ${nameOf("prompts")}` : null,
    )
  }
}

function settingsOf(names: readonly string[]): readonly MakeSetting[] {
  return names.map((name) => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()) as MakeSetting)
}

/** Options that change neither pictures nor controls. */
const FREE = [
  ...(["outdir", "count", "dryRun", "force", "offline"] as const),
  ...(["redis", "redisPasswordFile", "redisCaFile", "store", "s3Endpoint"] as const),
] as const

/**
 * The settings that a data set is made with, for its file: those that were given, by their names, and the preprocessor.
 *
 * @param own further settings, such as the lines of the prompts
 */
export function givenSettings(
  { settings, isGiven }: MakeReader,
  prep: string,
  own: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const given = Object.entries(settings).filter(
    ([name]) => isGiven(name as MakeSetting) && !FREE.some((free) => free === name),
  )
  const named = given.map(([name, value]) => [snakeCase(name), typeof value === "bigint" ? String(value) : value])
  return { ...Object.fromEntries(named), prep, ...own }
}

function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** What both ways of making a data set need. */
export interface MakePlan {
  readonly reader: MakeReader
  readonly prep: Preprocessing
  /** The workers that make the pairs. Null: this process does. */
  readonly fanOut: FanOut | null
}
