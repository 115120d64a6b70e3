import type { OpOutput, TensorflowBackend, TensorflowBinding } from "../binding.ts"
import type { GraphNode, Value, ValueType } from "./graph.ts"
import { outputOf } from "./graph.ts"

/** Values of a constant at most. A larger tensor is an input that was not declared. */
const MOST_CONSTANT_VALUES = 2 ** 16

/** What ran between two moments. */
export interface Recording {
  /** Says that the ops from here on belong to the backward pass. */
  readonly beginBack: () => void
  /** The value that a tensor of TensorFlow has in the graph. Null: the tensor came from elsewhere. */
  readonly valueOf: (id: number) => Value | null
  /** Whether an op read a tensor that came from elsewhere. Then the ops are not a graph of the inputs. */
  readonly isOpen: () => boolean
}

/** A binding whose ops can be recorded while they run. */
export interface RecordableBinding extends TensorflowBinding {
  /**
   * Records the ops that `work` runs in this thread. One recording at a time.
   *
   * @param inputs the numbers of the tensors that are the graph's inputs, with their types
   */
  record<T>(inputs: readonly OpOutput[], work: (recording: Recording) => T): T
  /** Whether a recording runs. */
  isRecording(): boolean
}

/** The backend that runs ops, with a binding that records them. */
export type RecordableBackend = TensorflowBackend & { readonly binding: RecordableBinding }

/**
 * Makes a binding recordable. Recording looks at the calls only, so it needs no second description of a network: the
 * ops and gradients that run are the graph.
 */
export function recordable(binding: TensorflowBinding): RecordableBinding {
  let active: ReturnType<typeof openRecording> | null = null
  const own: Pick<RecordableBinding, "executeOp" | "createTensor" | "record" | "isRecording"> = {
    executeOp(...call: Parameters<TensorflowBinding["executeOp"]>): OpOutput[] {
      const outputs = binding.executeOp(...call)
      active?.ran(call[0], call[1], call[2], outputs)
      return outputs
    },
    createTensor(...call: Parameters<TensorflowBinding["createTensor"]>): number {
      const id = binding.createTensor(...call)
      active?.made(id, ...call)
      return id
    },
    record<T>(inputs: readonly OpOutput[], work: (recording: Recording) => T): T {
      if (active !== null) throw new Error("graph: a recording already runs")
      active = openRecording(inputs)
      try {
        return work(active.recording)
      } finally {
        active = null
      }
    },
    isRecording: () => active !== null,
  }
  // The addon's properties cannot be assigned to.
  return Object.create(binding, Object.getOwnPropertyDescriptors(own)) as RecordableBinding
}

interface OpenRecording {
  readonly recording: Recording
  ran(op: string, attributes: GraphNode["attributes"], inputs: readonly number[], outputs: readonly OpOutput[]): void
  made(id: number, shape: readonly number[], dtype: number, values: ArrayBufferView): void
}

function openRecording(inputs: readonly OpOutput[]): OpenRecording {
  const values = new Map<number, Value>()
  let isOpen = false
  let isBack = false
  inputs.forEach((input, index) => {
    // An input that is given twice keeps its first place.
    if (!values.has(input.id)) values.set(input.id, { kind: "input", index, type: typeOf(input) })
  })
  return {
    recording: {
      beginBack: () => {
        isBack = true
      },
      valueOf: (id) => values.get(id) ?? null,
      isOpen: () => isOpen,
    },
    ran(op, attributes, read, outputs) {
      const found = read.map((id) => values.get(id))
      if (found.some((value) => value === undefined)) isOpen = true
      const known = found.filter((value) => value !== undefined)
      const node: GraphNode = { op, attributes, inputs: known, outputs: outputs.map(typeOf), isBack }
      outputs.forEach(({ id }, i) => {
        values.set(id, outputOf(node, i))
      })
    },
    made(id, shape, dtype, array) {
      const count = shape.reduce((product, size) => product * size, 1)
      if (count > MOST_CONSTANT_VALUES) return
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice()
      values.set(id, { kind: "constant", type: { dtype, shape: [...shape] }, bytes })
    },
  }
}

function typeOf({ dtype, shape }: ValueType): ValueType {
  return { dtype, shape: [...shape] }
}
