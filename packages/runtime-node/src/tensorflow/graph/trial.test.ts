import { expect, it } from "vitest"
import type { TensorflowBinding } from "../binding.ts"
import { tryGraphs } from "./trial.ts"

/** A binding whose graphs give these sums, or throw. */
function bindingWith(run: () => readonly number[]): TensorflowBinding {
  let next = 0
  const fake: Partial<TensorflowBinding> = {
    ...{ TF_ATTR_TYPE: 1, TF_ATTR_FLOAT: 2, TF_ATTR_INT: 3, TF_ATTR_BOOL: 4, TF_ATTR_STRING: 5 },
    createTensor: () => next++,
    deleteTensor: () => {},
    loadSavedModel: () => 0,
    deleteSavedModel: () => {},
    runSavedModel: () => [{ id: next++, shape: [1, 4], dtype: 1 }],
    tensorDataSync: () => Float32Array.from(run()),
  }
  return fake as TensorflowBinding
}

it("says why a build of TensorFlow runs no graphs", () => {
  const broken = bindingWith(() => {
    throw new Error("Could not find SavedModel\nat some place")
  })
  expect(tryGraphs(broken)).toEqual({ problem: "Could not find SavedModel", hasLayerNorm: false, hasProducts: false })
  expect(tryGraphs(bindingWith(() => [1, 2, 3, 4])).problem).toBe("a graph gave 1,2,3,4 instead of 2,3,4,5")
})

it("does without an op whose numbers are wrong", () => {
  expect(tryGraphs(bindingWith(() => [2, 3, 4, 5]))).toEqual({ problem: null, hasLayerNorm: false, hasProducts: false })
})
