import type { OpAttribute, TensorflowBinding } from "../binding.ts"
import { TF_TYPES } from "../ops/device.ts"
import type { GraphNode, Value, ValueType } from "./graph.ts"

/** The op of `kernels/elementwise-op.cc`. */
const ELEMENTWISE = "LlliteElementwise"

export type ProgramCodes = Pick<TensorflowBinding, "TF_ATTR_INT" | "TF_ATTR_FLOAT">

/** Instructions, in the order of `kernels/elementwise.h`. */
export const INSTRUCTIONS = [
  "add",
  "subtract",
  "multiply",
  "square",
  "negate",
  "rsqrt",
  "erf",
  "exp",
  "sigmoid",
  "relu",
  "reluGradient",
  "sum",
  "mean",
] as const
export type Instruction = (typeof INSTRUCTIONS)[number]

/** Numbers of a row that are computed at once where no sum runs over a row, as in `kernels/elementwise.h`. */
const CHUNK = 1024

/** The rows that a program runs over. */
export interface Rows {
  readonly rows: number
  readonly columns: number
}

/** How a value lies beside the rows. */
export interface Layout {
  /** Rows that read the same row of the value. */
  readonly rowsEach: number
  /** Whether its row has all columns, not one number. */
  readonly isWide: boolean
}

/** What a step reads: an input, a constant, or the result of an earlier step, by its number among its kind. */
export interface Operand {
  readonly kind: "input" | "constant" | "step"
  readonly index: number
}

export interface ProgramStep {
  readonly instruction: Instruction
  readonly operands: readonly [Operand] | readonly [Operand, Operand]
  /** One number for a row. */
  readonly isNarrow: boolean
}

export interface ElementwiseProgram extends Rows {
  readonly inputs: readonly Layout[]
  readonly constants: readonly number[]
  readonly steps: readonly ProgramStep[]
  /** The steps whose results leave the program. */
  readonly outputs: readonly { readonly step: number; readonly shape: readonly number[] }[]
}

/** A node that runs a program on values. Its outputs are those of the program. */
export function programNode(
  program: ElementwiseProgram,
  inputs: readonly Value[],
  isBack: boolean,
  { TF_ATTR_INT, TF_ATTR_FLOAT }: ProgramCodes,
): GraphNode {
  const flat = flattened(program)
  const { places, code } = assemble(flat)
  const hasSums = flat.steps.some(({ instruction }) => isSum(instruction))
  const numbers = {
    ...{ N: inputs.length, M: flat.outputs.length, rows: flat.rows, columns: flat.columns, places },
    chunk: hasSums ? flat.columns : CHUNK,
    rows_each: flat.inputs.map(({ rowsEach }) => rowsEach),
    wide: flat.inputs.map(({ isWide }) => Number(isWide)),
    code,
    axes: flat.outputs.map(({ shape }) => shape.length),
    sizes: flat.outputs.flatMap(({ shape }) => shape),
  }
  const attributes: OpAttribute[] = [
    ...Object.entries(numbers).map(([name, value]) => ({ name, type: TF_ATTR_INT, value })),
    { name: "constants", type: TF_ATTR_FLOAT, value: [...flat.constants] },
  ]
  const outputs = flat.outputs.map(({ shape }): ValueType => ({ dtype: TF_TYPES.F32, shape }))
  return { op: ELEMENTWISE, attributes, inputs, outputs, isBack }
}

export function isSum(instruction: Instruction): boolean {
  return instruction === "sum" || instruction === "mean"
}

/** The same program over one row, if every input has all numbers, or one. */
function flattened(program: ElementwiseProgram): ElementwiseProgram {
  const { rows, columns, inputs, steps } = program
  const isFlat = inputs.every(({ rowsEach, isWide }) => (isWide ? rowsEach === 1 : rowsEach === rows))
  if (!isFlat || steps.some(({ instruction, isNarrow }) => isNarrow || isSum(instruction))) return program
  return { ...program, rows: 1, columns: rows * columns, inputs: inputs.map((one) => ({ ...one, rowsEach: 1 })) }
}

/** Gives every wide result a place in memory. A place is free again after the last step that reads it. */
function assemble({ inputs, constants, steps, outputs }: ElementwiseProgram): {
  readonly places: number
  readonly code: readonly number[]
} {
  const lastReads = new Map<number, number>()
  steps.forEach(({ operands }, i) => {
    for (const { kind, index } of operands) if (kind === "step") lastReads.set(index, i)
  })
  const free: number[] = []
  const taken = new Map<number, number>()
  let places = 0
  const numberOf = ({ kind, index }: Operand): number => {
    if (kind === "input") return index
    return inputs.length + (kind === "constant" ? index : constants.length + index)
  }
  const code = steps.flatMap(({ instruction, operands: [first, second = first], isNarrow }, i) => {
    const output = outputs.findIndex(({ step }) => step === i)
    let place = output < 0 ? 0 : -1 - output
    if (output < 0 && !isNarrow) {
      place = free.pop() ?? places++
      taken.set(i, place)
    }
    for (const [step, held] of taken) {
      if ((lastReads.get(step) ?? step) > i) continue
      free.push(held)
      taken.delete(step)
    }
    return [INSTRUCTIONS.indexOf(instruction), numberOf(first), numberOf(second), Number(isNarrow), place]
  })
  return { places, code }
}
