import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import * as plain from "../plain-ops.ts"
import { entry, input, type OpsCase, TOLERANCE, values } from "./case.ts"

/** Activations, resizing and rows of a table. */
export function pointwiseCases(): OpsCase[] {
  return [
    activationCase("silu", [2, 3, 11], (x) => plain.silu(x)),
    activationCase("gelu", [2, 3, 11], (x) => plain.gelu(x)),
    activationCase("quickGelu", [2, 3, 11], (x) => plain.quickGelu(x)),
    activationCase("relu", [2, 3, 11], (x) => Math.max(x, 0)),
    gegluCase("odd width", [2, 5, 14]),
    gegluCase("one row", [1, 2]),
    upsampleCase("odd channels", [2, 3, 5, 7]),
    upsampleCase("one pixel", [1, 1, 1, 1]),
    lookUpCase(),
  ]
}

/** Normal values with tails among them, where exponentials overflow and cumulative distributions end. */
function activationCase(
  verb: "silu" | "gelu" | "quickGelu" | "relu",
  shape: readonly number[],
  formula: (x: number) => number,
): OpsCase {
  const x = input("x", shape, 3)
  x.values.set([-100, -30, -12, -5.5, 5.5, 12, 30, 100], 3)
  return {
    name: `${verb}: with tails`,
    inputs: [x],
    tolerance: TOLERANCE,
    async prepare(ops) {
      return { run: (x) => ops[verb](x as Tensor), dispose: () => {} }
    },
    expected: (x) => (x as plain.Values).map(formula),
  }
}

function gegluCase(title: string, shape: readonly number[]): OpsCase {
  return {
    name: `geglu: ${title}`,
    inputs: [input("h", shape, 2)],
    tolerance: TOLERANCE,
    async prepare(ops) {
      return { run: (h) => ops.geglu(h as Tensor), dispose: () => {} }
    },
    expected: (h) => plain.geglu(h as plain.Values, (shape[shape.length - 1] as number) / 2),
  }
}

function upsampleCase(title: string, shape: readonly [number, number, number, number]): OpsCase {
  return {
    name: `upsample2x: ${title}`,
    inputs: [input("x", shape)],
    tolerance: 1e-6,
    async prepare(ops) {
      return { run: (x) => ops.upsample2x(x as Tensor4D), dispose: () => {} }
    },
    expected: (x) => plain.upsample2x(x as plain.Values, shape),
  }
}

function lookUpCase(): OpsCase {
  const [count, width] = [11, 7]
  const rows = values("table", [count, width])
  const indices = [
    [0, 10, 3],
    [5, 5, 1],
  ]
  return {
    name: "lookUp: first, last and repeated rows",
    inputs: [],
    tolerance: 1e-6,
    async prepare(ops) {
      const table = await ops.load.table(entry("rows", [count, width], rows))
      return { run: () => ops.lookUp(table, indices), dispose: () => table.dispose() }
    },
    expected: () =>
      Float64Array.from(indices.flat().flatMap((index) => [...rows.subarray(index * width, (index + 1) * width)])),
  }
}
