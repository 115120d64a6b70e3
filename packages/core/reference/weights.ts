import type { BuildParams, WeightFile } from "../src/models/weight-reader.ts"
import { loadParams, shapesOf } from "../src/models/weight-reader.ts"
import type { WeightLoader } from "../src/ops/ops.ts"
import { weight } from "./synthetic.ts"

/** A model with weights made from their names. */
export async function loadSynthetic<T>(what: string, build: BuildParams<T>, loader: WeightLoader): Promise<T> {
  return loadParams(what, await syntheticFile(build), loader, build)
}

/** The tensors of a model, made from their names. */
export async function syntheticFile<T>(build: BuildParams<T>): Promise<WeightFile> {
  const shapes = await shapesOf(build)
  return {
    label: "synthetic weights",
    entries: new Map(
      [...shapes].map(([name, shape]) => [
        name,
        { name, dtype: "F32", shape, read: async () => new Uint8Array(weight(name, shape).buffer) },
      ]),
    ),
  }
}
