import type { TensorflowBinding } from "../binding.ts"
import { TF_TYPES } from "../ops/device.ts"
import type { Value, ValueType } from "./graph.ts"
import { outputOf } from "./graph.ts"
import { loadGraph } from "./loaded-graph.ts"
import { productNode } from "./own-product.ts"

/** What a build of TensorFlow can do with graphs. */
export interface GraphAbilities {
  /** Why it runs none. Null: it runs them. */
  readonly problem: string | null
  /** Whether it has oneDNN's layer norm. */
  readonly hasLayerNorm: boolean
  /** Whether it has our own products, see `kernels`. */
  readonly hasProducts: boolean
}

const NOTHING = { hasLayerNorm: false, hasProducts: false } as const

const ROW: ValueType = { dtype: TF_TYPES.F32, shape: [1, 4] }
const VECTOR: ValueType = { dtype: TF_TYPES.F32, shape: [4] }

/** Tries graphs of one op with a known result. Not every build of TensorFlow loads graphs, or has every op. */
export function tryGraphs(binding: TensorflowBinding): GraphAbilities {
  const x: Value = { kind: "input", index: 0, type: ROW }
  const vector = (index: number): Value => ({ kind: "input", index, type: VECTOR })
  const float = { name: "T", type: binding.TF_ATTR_TYPE, value: TF_TYPES.F32 }
  const run = (
    op: string,
    inputs: readonly Value[],
    attributes: readonly { name: string; type: number; value: unknown }[],
  ) => resultOf(binding, outputOf({ op, inputs, attributes: [float, ...attributes], outputs: [ROW], isBack: false }))
  try {
    const sum = run("AddV2", [x, vector(1)], [])
    if (sum.join() !== "2,3,4,5") return { problem: `a graph gave ${sum.join()} instead of 2,3,4,5`, ...NOTHING }
  } catch (error) {
    const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n")
    return { problem: line, ...NOTHING }
  }
  const hasLayerNorm = gives(
    [1, 2, 3, 4].map((value) => (value - 2.5) / Math.sqrt(1.25 + 1e-5) + 1),
    () => {
      const epsilon = { name: "epsilon", type: binding.TF_ATTR_FLOAT, value: 1e-5 }
      return run("_MklLayerNorm", [x, vector(1), vector(1)], [epsilon])
    },
  )
  const hasProducts = gives([10], () => {
    const plan = { samples: 1, tokens: 1, width: 4, out: 1, xColumns: false, yColumns: false, contractsRows: false }
    const inputs = { x, weight: vector(1), bias: null, addend: null }
    return resultOf(
      binding,
      outputOf(productNode(plan, inputs, { dtype: TF_TYPES.F32, shape: [1, 1] }, false, binding)),
    )
  })
  return { problem: null, hasLayerNorm, hasProducts }
}

/** Whether an op that not every build has gives these numbers. */
function gives(expected: readonly number[], run: () => readonly number[]): boolean {
  try {
    const result = run()
    return expected.every((value, i) => Math.abs(value - (result[i] ?? 0)) < 1e-4)
  } catch {
    return false
  }
}

/** Runs a graph of two inputs, [1, 2, 3, 4] and ones. */
function resultOf(binding: TensorflowBinding, value: Value): readonly number[] {
  const ids = [
    binding.createTensor([...ROW.shape], ROW.dtype, Float32Array.of(1, 2, 3, 4)),
    binding.createTensor([...VECTOR.shape], VECTOR.dtype, Float32Array.of(1, 1, 1, 1)),
  ]
  try {
    const graph = loadGraph(binding, [value], ids.length)
    try {
      const [output] = graph.run(ids)
      if (output === undefined) return []
      ids.push(output.id)
      return [...binding.tensorDataSync(output.id)]
    } finally {
      graph.dispose()
    }
  } finally {
    for (const id of ids) binding.deleteTensor(id)
  }
}
