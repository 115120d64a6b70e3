import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { OpOutput, TensorflowBinding } from "../binding.ts"
import type { Value } from "./graph.ts"
import { SERVE_TAG, writeSavedModel } from "./saved-model.ts"

/** A graph that TensorFlow has loaded. */
export interface LoadedGraph {
  /** The types of the outputs, in their order. */
  readonly outputs: readonly Value["type"][]
  /** Runs the graph. ids: tensors of TensorFlow for all inputs. The caller owns the results. */
  run(ids: readonly number[]): readonly OpOutput[]
  dispose(): void
}

/**
 * Loads a graph into a session of TensorFlow. TensorFlow reads graphs from a folder, which is removed at once.
 *
 * @throws what TensorFlow says if it cannot run the graph, or the system if it cannot write to the temporary folder
 */
export function loadGraph(binding: TensorflowBinding, outputs: readonly Value[], inputCount: number): LoadedGraph {
  const model = writeSavedModel(outputs, inputCount, binding)
  const folder = mkdtempSync(join(tmpdir(), "lllite-graph-"))
  let session: number
  try {
    writeFileSync(join(folder, "saved_model.pb"), model.bytes)
    session = binding.loadSavedModel(folder, SERVE_TAG)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const read = model.inputs.flatMap((name, index) => (name === null ? [] : [{ name, index }]))
  const inputNames = read.map(({ name }) => name).join(",")
  const outputNames = model.outputs.join(",")
  return {
    outputs: outputs.map(({ type }) => type),
    run: (ids) =>
      binding.runSavedModel(
        session,
        read.map(({ index }) => ids[index] as number),
        inputNames,
        outputNames,
      ),
    dispose: () => binding.deleteSavedModel(session),
  }
}
