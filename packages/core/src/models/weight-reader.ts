import type { CheckpointTraits } from "@lllite/format/identify"
import { CoreError } from "../errors.ts"
import type { Conv2dWeight, LinearWeight, NormWeight, TableWeight, WeightLoader } from "../ops/ops.ts"
import type { WeightEntry } from "../ops/weight-entry.ts"
import { reshaped, stacked, transposed } from "./entry-views.ts"

/** The named tensors of a checkpoint. */
export interface WeightFile {
  /** Its name in messages. */
  readonly label: string
  readonly entries: ReadonlyMap<string, WeightEntry>
  /** Text pairs of its header, and what a diffusers folder says. They tell how the U-Net is to be run. Default: none */
  readonly metadata?: ReadonlyMap<string, string>
  /** What the file that a U-Net was taken of says of itself. Default: read from `entries` and `metadata` */
  readonly traits?: CheckpointTraits
}

/** Reads a model's tensors, `name.weight` and `name.bias`, by their name and expected shape. */
export interface WeightReader {
  /** `name.weight` [out, in], `name.bias` [out] unless `bias` is false */
  linear(name: string, out: number, inner: number, options?: { readonly bias?: boolean }): Promise<LinearWeight>
  /** Linear layers over the same input, as one layer with their outputs side by side. */
  joined(
    names: readonly string[],
    out: number,
    inner: number,
    options?: { readonly bias?: boolean },
  ): Promise<LinearWeight>
  /** A linear layer that is stored without the usual suffixes. `transposed` means [in, out]. */
  matrix(weight: string, bias: string | null, out: number, inner: number, transposed?: boolean): Promise<LinearWeight>
  /** `name.weight` [out, in, kernel, kernel], `name.bias` [out] */
  conv2d(name: string, out: number, inner: number, kernel: number): Promise<Conv2dWeight>
  /** A 1×1 convolution as a linear layer over tokens. */
  pointwise(name: string, out: number, inner: number): Promise<LinearWeight>
  norm(name: string, width: number): Promise<NormWeight>
  table(name: string, rows: number, width: number): Promise<TableWeight>
}

/** Builds a params tree of the weights that a reader gives. */
export type BuildParams<T> = (reader: WeightReader) => Promise<T>

/**
 * Loads a params tree from a file. `build` runs twice. The first run checks names and shapes only. So a file that does
 * not fit is refused before a byte is loaded, and the error names everything that is wrong.
 *
 * @throws CoreError that names every tensor that is missing or has another shape
 */
export async function loadParams<T>(
  what: string,
  file: WeightFile,
  loader: WeightLoader,
  build: BuildParams<T>,
): Promise<T> {
  const problems: string[] = []
  for (const [name, shape] of await shapesOf(build)) {
    const found = file.entries.get(name)
    if (found === undefined) problems.push(`"${name}" [${shape.join(", ")}] is missing`)
    else if (found.shape.length !== shape.length || found.shape.some((size, axis) => size !== shape[axis])) {
      problems.push(`"${name}" is [${found.shape.join(", ")}], expected [${shape.join(", ")}]`)
    }
  }
  if (problems.length > 0) {
    const shown = problems.slice(0, 5).join("; ")
    const more = problems.length > 5 ? `; and ${problems.length - 5} more` : ""
    throw new CoreError("checkpoint-incomplete", `${file.label} does not hold ${what}: ${shown}${more}`)
  }
  return build(createReader((name) => file.entries.get(name) as WeightEntry, loader))
}

/** The names and shapes of the tensors in a params tree. */
export async function shapesOf<T>(build: BuildParams<T>): Promise<ReadonlyMap<string, readonly number[]>> {
  const shapes = new Map<string, readonly number[]>()
  const note = (name: string, shape: readonly number[]): WeightEntry => {
    shapes.set(name, shape)
    return { name, dtype: "F32", shape, read: async () => new Uint8Array() }
  }
  await build(createReader(note, noLoader))
  return shapes
}

function createReader(
  entry: (name: string, shape: readonly number[]) => WeightEntry,
  loader: WeightLoader,
): WeightReader {
  const reader: WeightReader = {
    linear: (name, out, inner, { bias = true } = {}) =>
      loader.linear(entry(`${name}.weight`, [out, inner]), bias ? entry(`${name}.bias`, [out]) : null),
    joined: (names, out, inner, { bias = true } = {}) => {
      const weights = names.map((name) => entry(`${name}.weight`, [out, inner]))
      const biases = bias ? names.map((name) => entry(`${name}.bias`, [out])) : null
      return loader.linear(stacked(weights), biases === null ? null : stacked(biases))
    },
    matrix: (weight, bias, out, inner, isTransposed = false) => {
      const stored = entry(weight, isTransposed ? [inner, out] : [out, inner])
      return loader.linear(isTransposed ? transposed(stored) : stored, bias === null ? null : entry(bias, [out]))
    },
    conv2d: (name, out, inner, kernel) =>
      loader.conv2d(entry(`${name}.weight`, [out, inner, kernel, kernel]), entry(`${name}.bias`, [out])),
    pointwise: (name, out, inner) => {
      const stored = entry(`${name}.weight`, [out, inner, 1, 1])
      return loader.linear(reshaped(stored, [out, inner]), entry(`${name}.bias`, [out]))
    },
    norm: (name, width) => loader.norm(entry(`${name}.weight`, [width]), entry(`${name}.bias`, [width])),
    table: (name, rows, width) => loader.table(entry(name, [rows, width])),
  }
  return reader
}

/** A loader that loads nothing, for the first run of `build`. */
const noLoader: WeightLoader = (() => {
  const weight = <K extends string>(kind: K, { shape }: WeightEntry) => ({ kind, shape, bytes: 0, dispose: () => {} })
  return {
    linear: async (entry) => weight("linear", entry),
    conv2d: async (entry) => weight("conv2d", entry),
    norm: async (entry) => weight("norm", entry),
    table: async (entry) => weight("table", entry),
  }
})()
