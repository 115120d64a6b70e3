import * as fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { startBackend } from "../../backends/start.ts"
import { findTensorflow } from "../installation.ts"
import { recordableBackend, TF_TYPES } from "../ops/device.ts"
import { graphAbilities } from "../ops/index.ts"
import { withPrograms } from "./elementwise.ts"
import type { ConstantValue, Value } from "./graph.ts"
import { nodesOf, outputOf } from "./graph.ts"
import { loadGraph } from "./loaded-graph.ts"
import { int32 } from "./node-builder.ts"
import type { RecordableBinding } from "./recorder.ts"

const { F32, I32 } = TF_TYPES
/** Codes of `TF_AttrType`. */
const codes = { TF_ATTR_INT: 1, TF_ATTR_FLOAT: 2, TF_ATTR_BOOL: 3, TF_ATTR_TYPE: 4 }
const input = (index: number, ...shape: readonly number[]): Value => ({
  kind: "input",
  index,
  type: { dtype: F32, shape },
})
const scalar = (value: number): ConstantValue => ({
  kind: "constant",
  type: { dtype: F32, shape: [] },
  bytes: new Uint8Array(Float32Array.of(value).buffer),
})

/** Nodes for a binding's codes of attributes. */
function nodesWith({ TF_ATTR_TYPE, TF_ATTR_BOOL }: Pick<RecordableBinding, "TF_ATTR_TYPE" | "TF_ATTR_BOOL">) {
  const node = (op: string, inputs: readonly Value[], shape: readonly number[]): Value =>
    outputOf({
      ...{ op, inputs, isBack: false, outputs: [{ dtype: F32, shape }] },
      attributes: [{ name: "T", type: TF_ATTR_TYPE, value: F32 }],
    })
  /** An op on every number, with the shape of the larger operand. */
  const each = (op: string, ...inputs: readonly Value[]): Value => {
    const rank = Math.max(...inputs.map(({ type }) => type.shape.length))
    const padded = inputs.map(({ type }) => [...Array<number>(rank - type.shape.length).fill(1), ...type.shape])
    return node(
      op,
      inputs,
      Array.from({ length: rank }, (_, axis) => Math.max(...padded.map((one) => one[axis] ?? 1))),
    )
  }
  const over = (op: "Mean" | "Sum", x: Value): Value => {
    const { shape } = x.type
    const attributes = [
      { name: "T", type: TF_ATTR_TYPE, value: F32 },
      { name: "Tidx", type: TF_ATTR_TYPE, value: I32 },
      { name: "keep_dims", type: TF_ATTR_BOOL, value: true },
    ]
    const outputs = [{ dtype: F32, shape: [...shape.slice(0, -1), 1] }]
    return outputOf({ op, attributes, inputs: [x, int32([1], [shape.length - 1])], outputs, isBack: false })
  }
  const reshape = (x: Value, ...shape: readonly number[]): Value => {
    const attributes = [
      { name: "T", type: TF_ATTR_TYPE, value: F32 },
      { name: "Tshape", type: TF_ATTR_TYPE, value: I32 },
    ]
    const outputs = [{ dtype: F32, shape }]
    return outputOf({ op: "Reshape", attributes, inputs: [x, int32([shape.length], shape)], outputs, isBack: false })
  }
  /** A layer norm of rows, and its mean and the reciprocal of its deviation. */
  const layerNorm = (x: Value, scale: Value, shift: Value): readonly [Value, Value, Value] => {
    const mean = over("Mean", x)
    const centred = each("Sub", x, mean)
    const deviation = each("Rsqrt", each("Add", over("Mean", each("Square", centred)), scalar(1e-5)))
    return [each("Add", each("Mul", each("Mul", centred, deviation), scale), shift), mean, deviation]
  }
  return { node, each, over, reshape, layerNorm }
}

const opsOf = (...values: readonly Value[]): readonly string[] => nodesOf(values).map(({ op }) => op)

describe("withPrograms", () => {
  const { node, each, over, reshape, layerNorm } = nodesWith(codes)
  const joined = (...values: readonly Value[]): readonly string[] => opsOf(...withPrograms(values, codes))

  it("makes one node of a layer norm and of what follows", () => {
    const [y, mean, deviation] = layerNorm(input(0, 6, 40), input(1, 40), input(2, 40))
    const end = each("Mul", y, each("Sigmoid", y))
    expect(joined(end, mean, deviation)).toEqual(["LlliteElementwise"])
  })

  it("leaves single ops to TensorFlow, and ops on rows of one number", () => {
    expect(joined(each("Erf", input(0, 3, 4)))).toEqual(["Erf"])
    expect(joined(each("Exp", each("Neg", input(0, 3, 1))))).toEqual(["Neg", "Exp"])
  })

  it("joins through reshapes that keep the rows, and not through others", () => {
    const wide = (shape: readonly number[]): Value => each("Exp", reshape(each("Neg", input(0, 6, 8)), ...shape))
    expect(joined(wide([1, 6, 8]))).toEqual(["LlliteElementwise"])
    expect(joined(wide([12, 4]))).toEqual(["Neg", "Reshape", "Exp"])
  })

  it("does not join what waits for a product of its own results", () => {
    const before = each("Exp", each("Neg", input(0, 8, 8)))
    const product = node("MatMul", [before, input(1, 8, 8)], [8, 8])
    const after = each("Add", each("Square", product), before)
    expect(joined(after)).toEqual(["LlliteElementwise", "MatMul", "LlliteElementwise"])
  })

  it("does not let two programs wait for each other", () => {
    const [a, b] = [each("Neg", each("Exp", input(0, 4, 4))), each("Neg", each("Exp", input(1, 4, 8)))]
    const toB = node("MatMul", [a, input(2, 4, 8)], [4, 8])
    const toA = node("MatMul", [b, input(3, 8, 4)], [4, 4])
    const ends = [each("Add", b, toB), each("Add", a, toA)]
    const values = withPrograms(ends, codes)
    expect(
      nodesOf(values)
        .map(({ op }) => op)
        .filter((op) => op === "MatMul"),
    ).toHaveLength(2)
    expect(nodesOf(values).length).toBeLessThan(nodesOf(ends).length)
  })

  it("takes sums over other axes for what they are", () => {
    const columns = outputOf({
      ...{ op: "Sum", attributes: [{ name: "keep_dims", type: codes.TF_ATTR_BOOL, value: true }], isBack: false },
      inputs: [each("Exp", each("Neg", input(0, 4, 8))), int32([1], [0])],
      outputs: [{ dtype: F32, shape: [1, 8] }],
    })
    expect(joined(columns)).toEqual(["LlliteElementwise", "Sum"])
    expect(joined(over("Sum", each("Exp", input(0, 4, 8))))).toEqual(["LlliteElementwise"])
  })
})

const hasTensorflow = findTensorflow().found !== null

describe("programs on TensorFlow", needs("TensorFlow. Type: lllite setup tensorflow", hasTensorflow), () => {
  let binding: RecordableBinding
  let hasKernels = false
  beforeAll(async () => {
    await startBackend("tensorflow")
    const backend = recordableBackend()
    if (backend === null) throw new Error("another program registered the backend")
    binding = backend.binding
    hasKernels = graphAbilities().hasProducts
  })

  /** The numbers of a graph on made-up inputs, whose shapes are those of its inputs. */
  const run = (values: readonly Value[], inputs: readonly Value[]): readonly Float32Array[] => {
    const ids = inputs.map(({ type }, i) => {
      const count = type.shape.reduce((product, size) => product * size, 1)
      return binding.createTensor(
        [...type.shape],
        F32,
        Float32Array.from({ length: count }, (_, j) => numberAt(i, j)),
      )
    })
    const graph = loadGraph(binding, values, inputs.length)
    const results = graph.run(ids)
    graph.dispose()
    const numbers = results.map(({ id }) => Float32Array.from(binding.tensorDataSync(id)))
    for (const id of [...ids, ...results.map(({ id }) => id)]) binding.deleteTensor(id)
    return numbers
  }

  /** Expects programs to give what TensorFlow's own ops give. */
  const expectSame = (values: readonly Value[], inputs: readonly Value[]): void => {
    const programs = withPrograms(values, binding)
    expect(programs.map(({ type }) => type)).toEqual(values.map(({ type }) => type))
    const [expected, found] = [run(values, inputs), run(programs, inputs)]
    for (const [n, list] of expected.entries()) {
      const size = list.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
      const far = list.filter((value, i) => !(Math.abs(value - (found[n]?.[i] ?? Number.NaN)) < 2e-6 * size))
      expect(far).toEqual(new Float32Array())
    }
  }

  it.for([1, 5, 16, 33, 640, 1285])("give the numbers of TensorFlow's ops for rows of %d", (width, { skip }) => {
    if (!hasKernels) skip("no kernels of LLLite's on this CPU")
    const { each, over, reshape, layerNorm } = nodesWith(binding)
    const rows = width === 640 ? 300 : 7
    const inputs = [input(0, rows, width), input(1, width), input(2, width), input(3, rows, width)]
    const [x, scale, shift, dy] = inputs as [Value, Value, Value, Value]
    const norm = layerNorm(x, scale, shift)
    expectSame(norm, inputs)
    const gelu = each("Mul", x, each("Add", each("Erf", each("Mul", x, scalar(Math.SQRT1_2))), scalar(1)))
    const bell = each("Exp", each("Mul", each("Square", x), scalar(-0.5)))
    expectSame([gelu, each("Mul", dy, each("Add", gelu, bell))], inputs)
    const share = each("Mul", x, each("Sub", dy, over("Sum", each("Mul", x, dy))))
    expectSame([share, each("ReluGrad", share, each("Relu", x))], inputs)
    const silu = each("Mul", norm[0], each("Sigmoid", norm[0]))
    expectSame([each("Add", reshape(silu, 1, rows, width), reshape(dy, 1, rows, width))], inputs)
  })

  it("spread a row to a sample, and a number to a row", ({ skip }) => {
    if (!hasKernels) skip("no kernels of LLLite's on this CPU")
    const { each } = nodesWith(binding)
    const inputs = [input(0, 3, 5, 20), input(1, 3, 1, 20), input(2, 3, 5, 1), input(3, 20), input(4, 1, 1, 20)]
    const [x, ofSample, ofRow, ofAll, same] = inputs as [Value, Value, Value, Value, Value]
    const y = each("Mul", each("Sub", each("Add", x, ofSample), ofRow), each("Mul", each("Exp", x), ofAll))
    expectSame([each("Sub", y, same)], inputs)
  })

  it("give the numbers of TensorFlow's ops for any program", ({ skip }) => {
    if (!hasKernels) skip("no kernels of LLLite's on this CPU")
    const { each, over } = nodesWith(binding)
    const unary = ["Square", "Neg", "Erf", "Sigmoid", "Relu", "Sum", "Mean"] as const
    const step = fc.record({
      op: fc.constantFrom(...unary, "Add", "Sub", "Mul", "ReluGrad"),
      first: fc.nat(40),
      second: fc.nat(40),
    })
    const sizes = fc.record({ samples: fc.integer({ min: 1, max: 3 }), rows: fc.integer({ min: 1, max: 9 }) })
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 2, max: 70 }),
        fc.array(step, { minLength: 2, maxLength: 14 }),
        (size, width, steps) => {
          const { samples, rows } = size
          const inputs = [
            ...[input(0, samples, rows, width), input(1, samples, rows, width), input(2, width)],
            ...[input(3, samples, 1, width), input(4, samples, rows, 1)],
          ]
          const values: Value[] = [...inputs, scalar(0.25)]
          const whole = inputs[0] as Value
          for (const { op, first, second } of steps) {
            const a = values[first % values.length] as Value
            const b = values[second % values.length] as Value
            if (op === "Sum" || op === "Mean") {
              if (a.type.shape.length > 0) values.push(over(op, each("Add", a, whole)))
            } else if (op === "ReluGrad") {
              values.push(each(op, each("Add", a, whole), each("Add", b, whole)))
            } else if (op === "Add" || op === "Sub" || op === "Mul") values.push(each(op, a, b))
            else values.push(each(op, a))
          }
          // Products of products leave the range of float32.
          const ends = values.slice(6).map((value) => each("Sigmoid", value))
          expectSame(ends, inputs)
        },
      ),
      { numRuns: 60 },
    )
  })
})

/** Numbers from -2 to 2 that look random. */
function numberAt(input: number, index: number): number {
  return 4 * ((((index + 1) * 2654435761 + input * 40503) >>> 8) / 2 ** 24 - 0.5)
}
