import { TRAIN_PRESETS, type TrainPresetName } from "@lllite/core/names"
import type { OptionReader, SettingName } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "./options/index.ts"

type TrainTable = typeof TRAIN_OPTIONS
type TrainReader = OptionReader<TrainTable>

/** A preset of a run, and what it sets there. */
export interface PresetPlan {
  readonly name: TrainPresetName
  /** The options that have their value from the preset, such as `min_timestep 400`. */
  readonly sets: readonly string[]
  /** One line for people. */
  readonly text: string
}

/** An option that a preset may set. */
interface PresetOption {
  readonly key: SettingName<TrainTable>
  readonly option: keyof TrainTable & string
  readonly value: string | number
}

/** The options of a preset. */
function optionsOf(name: TrainPresetName): readonly PresetOption[] {
  const { init, objective } = TRAIN_PRESETS[name]
  return [
    { key: "conditionerInit", option: "conditioner_init", value: init },
    { key: "minTimestep", option: "min_timestep", value: objective.minTimestep },
  ]
}

/** Options that say where an LLLite comes from. It then has its own beginning. */
const BEGINNINGS = ["networkWeights", "resume"] as const

/** The place of a preset's options in messages. */
const placeOf = (name: TrainPresetName): string => `preset ${name}`

/** The reader with the options of its preset, if it has one. All other sources have priority. */
export function withPreset(reader: TrainReader): TrainReader {
  const { preset } = reader.settings
  if (preset === undefined) return reader
  const hasBeginning = BEGINNINGS.some((key) => reader.isGiven(key))
  const options = optionsOf(preset).filter(({ key }) => !(hasBeginning && key === "conditionerInit"))
  return reader.withDefaults({
    where: placeOf(preset),
    entries: options.map(({ option, value }) => [option, value] as const),
  })
}

/** The preset of a reader by {@link withPreset}, and what it sets. Null: there is none. */
export function readPreset({ settings, whereOf, nameOf, isGiven }: TrainReader): PresetPlan | null {
  const { preset: name } = settings
  if (name === undefined) return null
  const options = optionsOf(name)
  const isSet = ({ key }: PresetOption): boolean => whereOf(key) === placeOf(name)
  const sets = options.filter(isSet).map(({ option, value }) => `${option} ${value}`)
  const beginning = BEGINNINGS.find((key) => isGiven(key))
  const others = options.filter((option) => !isSet(option))
  const own = others.filter(({ key }) => beginning !== undefined && key === "conditionerInit" && !isGiven(key))
  const given = others.filter((option) => !own.includes(option))
  return {
    name,
    sets,
    text: [
      `Preset ${name} sets ${sets.length === 0 ? "nothing" : sets.join(", ")}.`,
      ...given.map(({ key }) => `${nameOf(key)} stays ${String(settings[key])}, as given.`),
      ...own.map(({ option }) => `${option} is left out: ${nameOf(beginning ?? "resume")} has its own values.`),
    ].join(" "),
  }
}
