import type { OptionReader } from "@lllite/runtime-node/options"
import type { LocalPaths } from "../model/local-models.ts"
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

/** Options of files that are downloaded. */
const MODEL_OPTIONS: readonly string[] = [
  ...["ckpt", "vae", "unet", "network_weights", "control_net_lllite_models", "textual_inversion_embeddings"],
]

/** The axes with the local paths of files on the web. @throws as `localPath` */
export async function localAxes({ x, y }: Axes, toLocal: LocalPaths): Promise<Axes> {
  const local = async (axis: Axis): Promise<Axis> => {
    if (axis.kind !== "option" || !MODEL_OPTIONS.includes(axis.option)) return axis
    const values: string[] = []
    for (const value of axis.values) values.push(await toLocal(value))
    return { ...axis, values }
  }
  return { x: await local(x), y: y === null ? null : await local(y) }
}
