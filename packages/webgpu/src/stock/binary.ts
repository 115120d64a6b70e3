import type { TensorInfo } from "@tensorflow/tfjs-core"
import { backend_util, util } from "@tensorflow/tfjs-core"
import type { GuardedBackend } from "../device/backend.ts"
import { floatWord, type KernelSource } from "../device/commands.ts"
import { boundTo, commonStorage, createTensor, isFloat32 } from "../device/tensors.ts"
import { wgslModule } from "../wgsl/module.ts"

/** Operators of WGSL. */
export type Operator = "+" | "-" | "*"

const THREADS = 256

/** The most axes, after axes that are alike are joined. */
const MAX_AXES = 4

/** How a kernel gets an operand: values by four, values one by one, or one value of the uniform. */
type Access = "four" | "one" | "constant"

/** An operand over the axes of the result, innermost first. */
interface Operand {
  readonly access: Access
  /** Steps between neighbours along each axis, in elements of the buffer. 0 along an axis that is repeated. */
  readonly strides: readonly number[]
  /** The value of a constant. */
  readonly value: number
}

/**
 * a + b, a − b or a · b with tfjs's rules for shapes.
 *
 * @returns null for operands that this kernel does not take
 */
export function binary(backend: GuardedBackend, operator: Operator, a: TensorInfo, b: TensorInfo): TensorInfo | null {
  if (!isFloat32(backend, a) || !isFloat32(backend, b)) return null
  const shape = backend_util.assertAndGetBroadcastShape(a.shape, b.shape)
  const count = util.sizeFromShape(shape)
  const axes = joinAxes(shape, [a, b])
  if (count === 0 || axes.length > MAX_AXES) return null
  const [inner = 1, ...outer] = axes.map(({ size }) => size)
  const four = inner % 4 === 0
  const operands = [a, b].map((tensor, i): Operand => {
    const held = backend.tensorMap.get(tensor.dataId)
    const isConstant = util.sizeFromShape(tensor.shape) === 1 && held.resource == null && held.values != null
    const repeated = axes.map((axis) => axis.repeated[i] === true)
    const access = isConstant ? "constant" : four && repeated[0] !== true ? "four" : "one"
    const sizes = [access === "four" ? inner / 4 : inner, ...outer]
    let step = 1
    const strides = sizes.map((size, axis) => {
      if (repeated[axis] === true) return 0
      const stride = step
      step *= size
      return stride
    })
    return { access, strides, value: isConstant ? Number((held.values as Float32Array)[0]) : 0 }
  })
  const result = createTensor(backend, shape, commonStorage(backend, [a, b]))
  const elements = four ? count / 4 : count
  const sizes = [four ? inner / 4 : inner, ...outer]
  backend.commands.record(
    kernel(operator, four, axes.length, operands),
    [
      ...[a, b].filter((_, i) => operands[i]?.access !== "constant").map((tensor) => boundTo(backend, tensor)),
      boundTo(backend, result),
    ],
    [
      elements,
      ...(axes.length === 1 ? [] : sizes),
      ...operands.flatMap((operand) =>
        operand.access === "constant" ? [floatWord(operand.value)] : axes.length === 1 ? [] : operand.strides,
      ),
    ],
    Math.ceil(elements / THREADS),
  )
  return result
}

/** An axis of the result, and the operands that repeat their values along it. */
interface Axis {
  readonly size: number
  readonly repeated: readonly boolean[]
}

/** The axes of a result, innermost first. Neighbours along which the same operands repeat are one axis. */
function joinAxes(shape: readonly number[], operands: readonly TensorInfo[]): readonly Axis[] {
  const axes: Axis[] = []
  for (let fromEnd = 1; fromEnd <= shape.length; fromEnd++) {
    const size = shape[shape.length - fromEnd] ?? 1
    if (size === 1) continue
    const repeated = operands.map((operand) => (operand.shape[operand.shape.length - fromEnd] ?? 1) === 1)
    const last = axes.at(-1)
    if (last?.repeated.every((is, i) => is === repeated[i])) {
      axes[axes.length - 1] = { size: last.size * size, repeated }
    } else {
      axes.push({ size, repeated })
    }
  }
  return axes.length > 0 ? axes : [{ size: 1, repeated: operands.map(() => false) }]
}

function kernel(operator: Operator, four: boolean, axes: number, operands: readonly Operand[]): KernelSource {
  const names = ["a", "b"]
  const isFlat = axes === 1
  const numbers = Array.from({ length: axes }, (_, axis) => axis)
  const params = [
    "count",
    ...(isFlat ? [] : numbers.map((axis) => `size${axis}`)),
    ...operands.flatMap(({ access }, i) => {
      if (access === "constant") return [`${names[i]}Value: f32`]
      return isFlat ? [] : numbers.map((axis) => `${names[i]}Step${axis}`)
    }),
  ]
  // Along its only axis an operand is not repeated, or it has one value.
  const indexOf = (operand: Operand, name: string | undefined): string =>
    isFlat
      ? operand.strides[0] === 0
        ? "0u"
        : "i"
      : numbers.map((axis) => `at${axis} * p.${name}Step${axis}`).join(" + ")
  const read = (operand: Operand, i: number): string => {
    const name = names[i]
    const value = operand.access === "constant" ? `p.${name}Value` : `load_${name}(${indexOf(operand, name)})`
    return operand.access === "four" || !four ? value : `vec4f(${value})`
  }
  const places = isFlat
    ? ""
    : `var rest = i;\n${numbers.map((axis) => `let at${axis} = rest % p.size${axis};\nrest = rest / p.size${axis};`).join("\n")}\n`
  const values = operands.map(read)
  return {
    key: `${operator} ${axes} axes, ${operands.map(({ access, strides }) => (isFlat && strides[0] === 0 ? `${access} repeated` : access)).join(", ")}, by ${four ? "four" : "one"}`,
    code: (storages) =>
      wgslModule(
        {
          params,
          reads: Object.fromEntries(
            operands.flatMap(({ access }, i) =>
              access === "constant" ? [] : [[names[i], access === "four" ? "vec4f" : "f32"]],
            ),
          ),
          writes: { result: four ? "vec4f" : "f32" },
          threads: THREADS,
          main: `let i = group * ${THREADS}u + local;
if (i >= p.count) { return; }
${places}store_result(i, ${values.join(` ${operator} `)});`,
        },
        storages,
      ),
  }
}
