import { checkArgument } from "./argument.ts"
import type { Weight } from "./ops/ops.ts"

/** A tree of plain objects and lists. Its leaves are weights, and plain values that the functions here ignore. */
export type ParamsTree = object

/** Every weight of a tree, in the tree's order. */
export function* weightsOf(tree: ParamsTree): Generator<Weight> {
  checkArgument("params", tree, "an object")
  yield* weightsIn(tree)
}

function* weightsIn(tree: ParamsTree): Generator<Weight> {
  for (const value of Object.values(tree) as unknown[]) {
    if (typeof value !== "object" || value === null) continue
    if (isWeight(value)) yield value
    else yield* weightsIn(value)
  }
}

/** Bytes that a tree's weights hold on their device. */
export function bytesOf(tree: ParamsTree): number {
  checkArgument("params", tree, "an object")
  let bytes = 0
  for (const weight of weightsOf(tree)) bytes += weight.bytes
  return bytes
}

/** Disposes every weight of a tree. */
export function disposeParams(tree: ParamsTree): void {
  checkArgument("params", tree, "an object")
  for (const weight of weightsOf(tree)) weight.dispose()
}

function isWeight(value: object): value is Weight {
  return "kind" in value && "bytes" in value && "dispose" in value && typeof value.dispose === "function"
}
