import { type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import type { KernelSource } from "./device/commands.ts"
import { WebgpuOpsError } from "./errors.ts"
import type { Gpu } from "./gpu.ts"
import { activationFunctions } from "./wgsl/activation.ts"
import { type KernelParts, wgslModule } from "./wgsl/module.ts"

const THREADS = 256

/** A kernel that computes every value separately, four at a time with `four`. */
function elementwise(
  key: string,
  four: boolean,
  parts: Pick<KernelParts, "params"> & {
    readonly reads: readonly string[]
    readonly writes: readonly string[]
    /** Statements for the element `i`. */
    readonly each: string
  },
): KernelSource {
  const element = four ? "vec4f" : "f32"
  const buffers = (names: readonly string[]): Record<string, "vec4f" | "f32"> =>
    Object.fromEntries(names.map((name) => [name, element]))
  return {
    key: `${key}, ${four ? "by four" : "by one"}`,
    code: (storages) =>
      wgslModule(
        {
          params: ["count", ...parts.params],
          reads: buffers(parts.reads),
          writes: buffers(parts.writes),
          threads: THREADS,
          declarations: activationFunctions(element),
          main: `let i = group * ${THREADS}u + local;\nif (i >= p.count) { return; }\n${parts.each}`,
        },
        storages,
      ),
  }
}

/** The number of elements for these values, by four or by one, and of their workgroups. */
function spanOf(values: number, four: boolean): { count: number; groups: number } {
  const count = four ? values / 4 : values
  return { count, groups: Math.ceil(count / THREADS) }
}

/** WGSL of an activation and of its derivative, both of `x`. */
interface Formula {
  readonly name: string
  readonly value: string
  readonly slope: string
}

const SILU: Formula = { name: "silu", value: "swish(x, 1.0)", slope: "swishSlope(x, 1.0)" }
/** The activation of CLIP-L. */
const QUICK_GELU: Formula = { name: "quickGelu", value: "swish(x, 1.702)", slope: "swishSlope(x, 1.702)" }
const GELU: Formula = { name: "gelu", value: "x * cdf(x)", slope: "geluSlope(x)" }
const RELU: Formula = { name: "relu", value: "max(x, T(0.0))", slope: "select(T(0.0), T(1.0), x > T(0.0))" }

/** Activations. Forward and gradient are one pass over the values each. */
export function createActivations(
  gpu: Gpu,
): Pick<Ops, "geglu" | "gelu" | "quickGelu" | "relu" | "silu" | "upsample2x"> {
  const activation =
    ({ name, value, slope }: Formula) =>
    (x: Tensor): Tensor =>
      vjp([x], () => {
        const four = x.size % 4 === 0
        const { count, groups } = spanOf(x.size, four)
        const each = `let x = load_source(i);\nstore_result(i, ${value});`
        const forward = elementwise(name, four, { params: [], reads: ["source"], writes: ["result"], each })
        const y = gpu.create(x.shape, gpu.storageOf(x))
        gpu.run(forward, [x, y], [count], groups)
        return {
          value: y,
          saved: [x],
          gradients: (dy, [x]) => {
            const reads = ["source", "dy"]
            const each = `let x = load_source(i);\nstore_result(i, load_dy(i) * ${slope});`
            const backward = elementwise(`${name} gradient`, four, { params: [], reads, writes: ["result"], each })
            const dx = gpu.create(x.shape, gpu.storageOf(dy))
            gpu.run(backward, [x, dy, dx], [count], groups)
            return [dx]
          },
        }
      })
  return {
    silu: activation(SILU),
    quickGelu: activation(QUICK_GELU),
    gelu: activation(GELU),
    relu: activation(RELU),
    geglu: (h) => geglu(gpu, h),
    upsample2x: (x) => upsample2x(gpu, x),
  }
}

/** First half times GELU of the second half, Shazeer 2020. h: [..., 2·C] → [..., C] */
function geglu(gpu: Gpu, h: Tensor): Tensor {
  const width = (h.shape[h.rank - 1] ?? 0) / 2
  if (!Number.isInteger(width) || width === 0) {
    throw new WebgpuOpsError("shape", `geglu: h is [${h.shape.join(", ")}], expected an even last axis`)
  }
  const { four, params, groups } = halvesOf(h)
  return vjp([h], () => {
    const y = gpu.create([...h.shape.slice(0, -1), width], gpu.storageOf(h))
    const each = `${HALVES}\nstore_result(i, load_h(at) * gate * cdf(gate));`
    const kernel = elementwise("geglu", four, { params: ["width"], reads: ["h"], writes: ["result"], each })
    gpu.run(kernel, [h, y], params, groups)
    return { value: y, saved: [h], gradients: (dy, [h]) => [gegluSlopes(gpu, h, dy)] }
  })
}

/** The slopes of GEGLU at h. h: [..., 2·C], dy: [..., C] → [..., 2·C] */
export function gegluSlopes(gpu: Gpu, h: Tensor, dy: Tensor): Tensor {
  const { four, params, groups } = halvesOf(h)
  const dh = gpu.create(h.shape, gpu.storageOf(dy))
  const each = `${HALVES}
let slope = load_dy(i);
store_dh(at, slope * gate * cdf(gate));
store_dh(at + p.width, slope * load_h(at) * geluSlope(gate));`
  const parts = { params: ["width"], reads: ["h", "dy"], writes: ["dh"], each }
  gpu.run(elementwise("geglu gradient", four, parts), [h, dy, dh], params, groups)
  return dh
}

/** WGSL of the place of a value in h, and of its gate. */
const HALVES = "let at = i / p.width * 2u * p.width + i % p.width;\nlet gate = load_h(at + p.width);"

/** How kernels count the halves of h. */
function halvesOf(h: Tensor): { readonly four: boolean; readonly params: readonly number[]; readonly groups: number } {
  const width = (h.shape[h.rank - 1] ?? 0) / 2
  const four = width % 4 === 0
  const { count, groups } = spanOf(h.size / 2, four)
  return { four, groups, params: [count, four ? width / 4 : width] }
}

/** Nearest neighbour. x: [N, H, W, C] → [N, 2H, 2W, C] */
function upsample2x(gpu: Gpu, x: Tensor4D): Tensor4D {
  const [n, h, w, c] = x.shape
  const four = c % 4 === 0
  const channels = four ? c / 4 : c
  return vjp([x], () => {
    const y = gpu.create<Tensor4D>([n, 2 * h, 2 * w, c], gpu.storageOf(x))
    const up = spanOf(y.size, four)
    // Rows of all samples are one after another, and every sample has an even number of rows.
    const each = `let c = i % p.channels;
let column = i / p.channels % (2u * p.width);
let row = i / p.channels / (2u * p.width);
store_result(i, load_source((row / 2u * p.width + column / 2u) * p.channels + c));`
    const params = ["width", "channels"]
    const kernel = elementwise("upsample", four, { params, reads: ["source"], writes: ["result"], each })
    gpu.run(kernel, [x, y], [up.count, w, channels], up.groups)
    return {
      value: y,
      saved: [],
      gradients: (dy) => {
        const dx = gpu.create(x.shape, gpu.storageOf(dy))
        const down = spanOf(x.size, four)
        const each = `let c = i % p.channels;
let column = i / p.channels % p.width;
let row = i / p.channels / p.width;
let above = (row * 4u * p.width + column * 2u) * p.channels + c;
let below = above + 2u * p.width * p.channels;
store_dx(i, load_dy(above) + load_dy(above + p.channels) + load_dy(below) + load_dy(below + p.channels));`
        const kernel = elementwise("upsample gradient", four, { params, reads: ["dy"], writes: ["dx"], each })
        gpu.run(kernel, [dy, dx], [down.count, w, channels], down.groups)
        return [dx]
      },
    }
  })
}
