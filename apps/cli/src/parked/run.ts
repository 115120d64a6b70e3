import type { Settings } from "@lllite/runtime-node/options"
import type { ParkedPiece } from "@lllite/serve"
import { fanOutOf, openFanOut } from "../pieces/fan-out.ts"
import { UsageError } from "../terminal/errors.ts"
import { plural, printable } from "../terminal/text.ts"
import type { PARKED_OPTIONS, ParkedAction } from "./options.ts"

type ParkedSettings = Settings<typeof PARKED_OPTIONS>

/** Digits of a key that are shown. */
const SHOWN = 12

/**
 * Lists parked pieces, lets workers try them again, or removes them.
 *
 * @param keys beginnings of the keys of pieces; none for all
 * @throws ServeError `redis`, `store`; UsageError for a key that no piece has
 */
export async function runParked(
  action: ParkedAction,
  keys: readonly string[],
  settings: ParkedSettings,
): Promise<string> {
  const fanOut = await fanOutOf(settings)
  if (fanOut === null) throw new Error("the address of Redis is missing")
  const parked = await (await openFanOut(fanOut)).parked()
  try {
    const all = await parked.list()
    const chosen = keys.length === 0 ? all : all.filter(({ key }) => keys.some((start) => key.startsWith(start)))
    const unknown = keys.find((start) => !all.some(({ key }) => key.startsWith(start)))
    if (unknown !== undefined) {
      throw new UsageError(
        "options",
        `no parked piece has a key that begins with "${unknown}". Type: lllite parked list`,
      )
    }
    if (action === "retry") for (const { key } of chosen) await parked.retry(key)
    if (action === "forget") for (const { key } of chosen) await parked.forget(key)
    if (settings.json) return JSON.stringify({ action, pieces: chosen }, null, 2)
    const done = { list: "parked", retry: "given to workers again", forget: "forgotten" }[action]
    return [...chosen.map(row), `${plural(chosen.length, "piece")} ${done}.`].join("\n")
  } finally {
    await parked.close()
  }
}

function row({ key, kind, error, parked }: ParkedPiece): string {
  return `${key.slice(0, SHOWN)}  ${parked.slice(0, 19)}  ${kind}: ${printable(error.message)}`
}
