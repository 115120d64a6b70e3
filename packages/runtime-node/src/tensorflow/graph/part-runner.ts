import type { NetworkPart, Ops, Weight } from "@lllite/core/ops"
import { vjp } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import type { OpOutput } from "../binding.ts"
import type { Handle } from "../ops/device.ts"
import { TF_TYPES } from "../ops/device.ts"
import { handlesOf } from "../ops/weights.ts"
import { inColumns } from "./columns.ts"
import { withPrograms } from "./elementwise.ts"
import type { Value } from "./graph.ts"
import type { LoadedGraph } from "./loaded-graph.ts"
import { loadGraph } from "./loaded-graph.ts"
import { withOwnProducts } from "./own-products.ts"
import type { RecordableBackend } from "./recorder.ts"
import { simplify } from "./simplify.ts"
import { splitGraph } from "./split.ts"
import type { GraphAbilities } from "./trial.ts"

/** Kinds of parts to remember. A U-Net has about 30 at one size; each strength of an adapter makes more. */
const MOST_KINDS = 512

/** y and what is kept; and the gradients, which read what was kept. */
interface TrainingGraphs {
  readonly keep: LoadedGraph
  readonly back: LoadedGraph
}

/** Parts with the same ops on tensors of the same shapes and types. */
interface Kind {
  /** y. Undefined: not recorded yet. Null: the recording is not a graph of the part's inputs. */
  forward?: LoadedGraph | null
  /** As `forward`. */
  training?: TrainingGraphs | null
}

/**
 * `Ops.runPart` by graphs of TensorFlow. The first part of a kind also runs op by op, to be recorded. All results are
 * those of the graph, so that they do not depend on what ran before. A part runs op by op alone if its recording reads a
 * tensor that the part does not name.
 *
 * @throws InputError, from the verb, for weights of other ops
 */
export function createPartRunner(
  backend: RecordableBackend,
  { hasLayerNorm, hasProducts }: Pick<GraphAbilities, "hasLayerNorm" | "hasProducts">,
): NonNullable<Ops["runPart"]> {
  const { binding } = backend
  const load = (values: readonly Value[], inputCount: number): LoadedGraph =>
    loadGraph(binding, hasProducts ? withPrograms(withOwnProducts(values, binding), binding) : values, inputCount)
  const kinds = new Map<string, Kind>()

  const kindOf = (key: string): Kind => {
    const kind = kinds.get(key) ?? {}
    // The kind that was used last is the last to be forgotten.
    kinds.delete(key)
    kinds.set(key, kind)
    for (const [oldest, { forward, training }] of kinds) {
      if (kinds.size <= MOST_KINDS) break
      for (const graph of [forward, training?.keep, training?.back]) graph?.dispose()
      kinds.delete(oldest)
    }
    return kind
  }

  const tensorOf = (output: OpOutput | undefined): Tensor => backend.createOutputTensor(output as OpOutput)

  const idOf = (tensor: Tensor): number => backend.getInputTensorIds([tensor])[0] as number

  const operandOf = (operand: Tensor | Handle): OpOutput =>
    "dataId" in operand
      ? { id: idOf(operand), shape: operand.shape, dtype: operand.dtype === "float32" ? TF_TYPES.F32 : TF_TYPES.I32 }
      : { id: operand.id, shape: [...operand.shape], dtype: TF_TYPES[operand.type] }

  const operandsOf = (tensors: readonly (Tensor | Weight)[]): readonly OpOutput[] =>
    tensors.flatMap((tensor) => ("dataId" in tensor ? [tensor] : handlesOf(tensor))).map(operandOf)

  /** Runs a part op by op, and makes a graph of it. */
  const recordForward = (operands: readonly OpOutput[], run: () => Tensor): LoadedGraph | null =>
    binding.record(operands, (recording) => {
      const value = recording.valueOf(inScope(() => idOf(run())))
      if (value === null || recording.isOpen()) return null
      const short = simplify([value], { codes: binding, hasLayerNorm })
      return load(inColumns(short, binding), operands.length)
    })

  /** Runs a part forward and back op by op, and makes graphs of both. operands: those of the part, then dy. */
  const recordTraining = <X extends Tensor>(
    operands: readonly OpOutput[],
    { x, trained, run }: NetworkPart<X, Tensor>,
    dy: Tensor,
  ): TrainingGraphs | null =>
    binding.record(operands, (recording) => {
      let y: Value | null = null
      const slopes = inScope(() => {
        const forward = (): Tensor => {
          const result = run(x)
          y = recording.valueOf(idOf(result))
          recording.beginBack()
          return result
        }
        return tf
          .grads(forward)([x, ...trained], dy)
          .map((slope) => recording.valueOf(idOf(slope)))
      })
      const known = slopes.filter((slope) => slope !== null)
      if (y === null || known.length < slopes.length || recording.isOpen()) return null
      const [value, ...gradients] = inColumns(simplify([y, ...known], { codes: binding }), binding)
      const split = splitGraph({ inputCount: operands.length, y: value as Value, gradients }, binding)
      return {
        keep: load(split.keep, operands.length - 1),
        back: load(split.back, split.backInputCount),
      }
    })

  /** The value of a part as a graph. Null if it is none. */
  const forward = (kind: Kind, operands: readonly OpOutput[], run: () => Tensor): Tensor | null => {
    if (kind.forward === undefined) kind.forward = recordForward(operands, run)
    return kind.forward === null ? null : tensorOf(kind.forward.run(idsOf(operands))[0])
  }

  const trainingOf = <X extends Tensor>(
    kind: Kind,
    operands: readonly OpOutput[],
    part: NetworkPart<X, Tensor>,
  ): TrainingGraphs | null => {
    if (kind.training !== undefined) return kind.training
    kind.training = offTape(() =>
      inScope(() => {
        const y = forward(kind, operands, () => part.run(part.x))
        if (y === null) return null
        const dy = tf.onesLike(y)
        return recordTraining([...operands, operandOf(dy)], part, dy)
      }),
    )
    return kind.training
  }

  return <X extends Tensor, Y extends Tensor>(part: NetworkPart<X, Y>): Y => {
    const { key, x, reads, trained, run } = part
    if (binding.isRecording()) return run(x)
    const operands = operandsOf([x, ...trained, ...reads])
    const kind = kindOf(`${key} ${typesOf(operands)}`)
    if (tf.engine().state.gradientDepth === 0) return (forward(kind, operands, () => run(x)) ?? run(x)) as Y
    const graphs = trainingOf(kind, operands, part)
    if (graphs === null) return run(x)
    const others = idsOf(operands.slice(1 + trained.length))
    return vjp([x, ...trained], () => {
      const [y, ...kept] = graphs.keep.run(idsOf(operands)).map(tensorOf)
      return {
        value: y as Y,
        saved: [x, ...trained, ...kept],
        gradients: (dy, saved) => {
          const own = saved.slice(0, 1 + trained.length).map(idOf)
          return graphs.back.run([...own, ...others, idOf(dy), ...saved.slice(own.length).map(idOf)]).map(tensorOf)
        },
      }
    })
  }
}

function idsOf(operands: readonly OpOutput[]): readonly number[] {
  return operands.map(({ id }) => id)
}

/** Names the types and shapes of tensors, and which of them are the same one. */
function typesOf(operands: readonly OpOutput[]): string {
  const first = new Map<number, number>()
  return operands
    .map(({ id, dtype, shape }, i) => {
      const before = first.get(id)
      if (before !== undefined) return `=${before}`
      first.set(id, i)
      return `${dtype}:${shape.join("×")}`
    })
    .join(" ")
}

/** Runs work whose result is not a tensor, and disposes the tensors that it makes. */
function inScope<T>(work: () => T): T {
  tf.engine().startScope()
  try {
    return work()
  } finally {
    tf.engine().endScope()
  }
}

/** Runs work that the tape of tfjs does not see, and that may have a tape of its own. tfjs has one tape at a time. */
function offTape<T>(work: () => T): T {
  const { state } = tf.engine()
  const { activeTape, gradientDepth, kernelDepth } = state
  Object.assign(state, { activeTape: undefined, gradientDepth: 0, kernelDepth: 0 })
  try {
    return work()
  } finally {
    Object.assign(state, { activeTape, gradientDepth, kernelDepth })
  }
}
