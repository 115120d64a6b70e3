import { listText } from "@lllite/core/names"
import type { AdapterDims, Site } from "@lllite/format"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "./options/index.ts"

/** The LLLite that a run begins with, if it is not new. */
export interface FirstLllite {
  /** The path of its file or state. */
  readonly path: string
  readonly adapters: readonly (AdapterDims & { readonly key: string })[]
}

type Given = Pick<OptionReader<typeof TRAIN_OPTIONS>, "check" | "isGiven" | "nameOf" | "settings">

const WIDTHS = [
  ["networkDim", "mlpDim"],
  ["condEmbDim", "condDim"],
] as const

/** Options that choose sites. */
const CHOICES = ["sites", "siteBlocks", "siteMaxTransformerBlock"] as const

/**
 * Compares widths, the kind of conditioner and sites that options ask for with those of the LLLite that the run begins with, which stay. Equal
 * ones are not a conflict: the options of a run may stand in one file, from its start on. The reader keeps the problems.
 *
 * @param chosen the sites that options choose. Null: there is a problem with them
 */
export function checkFirstLllite(
  { check, isGiven, nameOf, settings }: Given,
  { path, adapters }: FirstLllite,
  chosen: readonly Site[] | null,
): void {
  for (const [option, width] of WIDTHS) {
    if (!isGiven(option)) continue
    check([option], () => {
      const has = [...new Set(adapters.map((adapter) => adapter[width]))]
      if (has.length === 1 && has[0] === settings[option]) return null
      const advice = `Leave out ${nameOf(option)}${has.length === 1 ? `, or give ${has.join("")}` : ""}`
      return `${nameOf(option)} is ${settings[option]}, and the LLLite of "${path}" has ${listText(has, "and")}. Its width stays. ${advice}`
    })
  }
  if (isGiven("conditioner")) {
    check(["conditioner"], () => {
      const has = adapters.some(({ sharedTrunk }) => sharedTrunk === true) ? "shared" : "own"
      if (has === settings.conditioner) return null
      return `${nameOf("conditioner")} is ${settings.conditioner}, and that of the LLLite of "${path}" is ${has}. It stays. Leave out ${nameOf("conditioner")}, or give ${has}`
    })
  }
  if (isGiven("llliteCondInChannels")) {
    check(["llliteCondInChannels"], () => {
      const has = adapters.some(({ condChannels }) => condChannels === 4) ? 4 : 3
      if (has === settings.llliteCondInChannels) return null
      const name = nameOf("llliteCondInChannels")
      return `${name} is ${settings.llliteCondInChannels}, and the LLLite of "${path}" reads ${has} channels. They stay. Leave out ${name}, or give ${has}`
    })
  }
  if (isGiven("llliteCondInput")) {
    check(["llliteCondInput"], () => {
      const has = adapters.some(({ condInput }) => condInput === "latent") ? "latent" : "pixel"
      if (has === settings.llliteCondInput) return null
      const name = nameOf("llliteCondInput")
      return `${name} is ${settings.llliteCondInput}, and the LLLite of "${path}" reads its control as ${has}. It stays so. Leave out ${name}, or give ${has}`
    })
  }
  const option = CHOICES.find((name) => isGiven(name))
  if (option === undefined || chosen === null) return
  check([option], () => {
    const has = new Set(adapters.map(({ key }) => key))
    const wanted = new Set(chosen.map(({ key }) => key))
    const different = [...wanted, ...has].find((key) => !wanted.has(key) || !has.has(key))
    if (different === undefined) return null
    return (
      `${nameOf(option)} chooses ${wanted.size} sites, and the LLLite of "${path}" has ${has.size}. Its sites stay. ` +
      `Only one of the two has "${different}". Leave out ${nameOf(option)}`
    )
  })
}
