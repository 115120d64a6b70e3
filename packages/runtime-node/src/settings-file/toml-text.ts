import { stringify } from "smol-toml"

/** A value in a file of settings. */
export type TomlValue = string | number | bigint | boolean | readonly TomlValue[]

/** Settings as TOML, without tables. A whole number is an integer there. */
export function tomlText(settings: Readonly<Record<string, TomlValue>>): string {
  return stringify(settings)
}
