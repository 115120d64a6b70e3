import type { OptionReader } from "@lllite/runtime-node/options"
import type { Axis } from "./axis.ts"
import { readAxis } from "./axis.ts"
import { GRID_OPTIONS } from "./options.ts"

export type GridReader = OptionReader<typeof GRID_OPTIONS>

/** The axes of a sheet. Without `y` there is one row. */
export interface Axes {
  readonly x: Axis
  readonly y: Axis | null
}

/** Reads the axes. Null if one is wrong. The reader keeps the problems. */
export function readAxes({ settings, check, nameOf }: GridReader): Axes | null {
  const read = (key: "x" | "y"): Axis | null => {
    const text = settings[key]
    if (text === undefined || text === "") return null
    const reading = readAxis(GRID_OPTIONS, text)
    if ("axis" in reading) return reading.axis
    check([key], () => `${nameOf(key)} is ${JSON.stringify(text)}: ${reading.problem}`)
    return null
  }
  for (const key of ["workflow", "from", "saveWorkflow"] as const) {
    check([key], () =>
      settings[key] === undefined ? null : `${nameOf(key)} cannot be used for a sheet. Give its settings as options`,
    )
  }
  const [x, y] = [read("x"), read("y")]
  if (x === null || (y === null && settings.y !== undefined)) return null
  if (y === null || x.kind !== y.kind || x.option !== y.option) return { x, y }
  check(["y", "x"], () => `${nameOf("x")} and ${nameOf("y")} both change ${x.label}, expected two different options`)
  return null
}
