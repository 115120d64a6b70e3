import { stat } from "node:fs/promises"
import { join } from "node:path"
import { InputError, readTextFile, writeAtomically } from "@lllite/runtime-node"
import { parseJson } from "@lllite/runtime-node/options"
import { UsageError } from "../../terminal/errors.ts"
import { countText, few } from "../../terminal/text.ts"

/** The file that says what a data set was made with. */
export const SETTINGS_NAME = "settings.json"

type Settings = Readonly<Record<string, unknown>>

/**
 * Compares settings with those that a data set was begun with.
 *
 * @returns whether it was begun, and the settings that differ, one sentence each
 * @throws InputError when the file of settings is another one
 */
export async function compareSettings(
  folder: string,
  settings: Settings,
): Promise<{ readonly isBegun: boolean; readonly differences: readonly string[] }> {
  const path = join(folder, SETTINGS_NAME)
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  if (!isThere) return { isBegun: false, differences: [] }
  const file = parseJson(await readTextFile(path), path)
  if (!isRecord(file) || file.command !== COMMAND || !isRecord(file.settings)) {
    throw new UsageError(
      "options",
      `"${path}" was not written by lllite ${COMMAND}. It stays as it is: choose another folder.`,
    )
  }
  const before = file.settings
  const now = plain(settings)
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])]
  return {
    isBegun: true,
    differences: names.flatMap((name) => difference(name, ownValue(before, name), ownValue(now, name))),
  }
}

/** The error for settings that differ. */
export function differentSettings(folder: string, differences: readonly string[]): InputError {
  return new InputError(
    "output-exists",
    `"${folder}" was begun with other settings: ${differences.join("; ")}. Give the first settings, or choose another folder.`,
  )
}

/** Writes the settings of a data set. */
export async function writeSettings(folder: string, settings: Settings): Promise<void> {
  const text = `${JSON.stringify({ command: COMMAND, settings: plain(settings) }, null, 2)}\n`
  await writeAtomically(join(folder, SETTINGS_NAME), text)
}

const COMMAND = "dataset make"

/** Values as JSON keeps them. */
function plain(settings: Settings): Settings {
  return JSON.parse(JSON.stringify(settings)) as Settings
}

function difference(name: string, before: unknown, now: unknown): readonly string[] {
  if (JSON.stringify(before) === JSON.stringify(now)) return []
  if (isTexts(before) && isTexts(now)) {
    const line = now.findIndex((text, i) => text !== before[i])
    const at = line < 0 ? now.length : line
    return [
      `${name} has ${countText(now.length)} and had ${countText(before.length)}, and number ${at + 1} is ${shown(now[at])}, and was ${shown(before[at])}`,
    ]
  }
  return [`${name} is ${shown(now)}, and was ${shown(before)}`]
}

function shown(value: unknown): string {
  if (value === undefined) return "left out"
  const text = isTexts(value) ? few(value) : JSON.stringify(value)
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string")
}

function isRecord(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function ownValue(settings: Settings, name: string): unknown {
  return Object.hasOwn(settings, name) ? settings[name] : undefined
}
