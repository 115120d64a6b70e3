import type { NormWeight, Ops } from "@lllite/core/ops"
import type { Tensor } from "@tensorflow/tfjs-core"
import type { KernelSource } from "../device/commands.ts"
import { floatWord } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import type { WebgpuNorm } from "../weights/load.ts"
import { wgslModule } from "../wgsl/module.ts"
import { type NormRun, normed, normedBeside } from "./beside.ts"
import { totalFunction } from "./reduce.ts"

/** A workgroup takes a row. */
const THREADS = 64

/** Normalises the last axis, Ba et al. 2016. It saves the input and two numbers for each row. x: [..., C] → same */
export function createLayerNorm(gpu: Gpu): Required<Pick<Ops, "layerNorm" | "layerNormBeside">> {
  const { reach } = gpu.features
  const run = (x: Tensor, weight: NormWeight, epsilon: number): NormRun => {
    const { values, width } = weight as WebgpuNorm
    if (x.shape[x.rank - 1] !== width) {
      throw new WebgpuOpsError("shape", `layerNorm: x is [${x.shape.join(", ")}], expected a last axis of ${width}`)
    }
    const rows = x.size / width
    return {
      forward() {
        const y = gpu.create(x.shape, gpu.storageOf(x))
        const stats = gpu.create<Tensor>([rows, 2])
        gpu.run(forward(reach), [x, values, y, stats], [rows, width, floatWord(epsilon)], rows)
        return { y, stats }
      },
      back(x, stats, dy, beside) {
        const dx = gpu.create(x.shape, gpu.storageOf(dy))
        const more = beside === null ? [] : [beside]
        gpu.run(backward(reach, more.length > 0), [x, values, stats, dy, ...more, dx], [rows, width], rows)
        return dx
      },
    }
  }
  return {
    layerNorm: (x, weight, epsilon) => normed(x, run(x, weight, epsilon)),
    layerNormBeside: (x, weight, epsilon) => normedBeside(x, run(x, weight, epsilon)),
  }
}

function forward(reach: number): KernelSource {
  return {
    key: `layer norm, neighbours ${reach}`,
    code: (storages) =>
      wgslModule(
        {
          params: ["rows", "width", "epsilon: f32"],
          reads: { x: "f32", norm: "f32" },
          writes: { y: "f32", stats: "f32" },
          threads: THREADS,
          ...totalFunction(THREADS, reach),
          main: `if (group >= p.rows) { return; }
let row = group * p.width;
var sum = 0.0;
for (var c = local; c < p.width; c += ${THREADS}u) { sum += load_x(row + c); }
let mean = total(local, vec2f(sum, 0.0)).x / f32(p.width);
var squares = 0.0;
for (var c = local; c < p.width; c += ${THREADS}u) {
  let apart = load_x(row + c) - mean;
  squares += apart * apart;
}
let inverse = inverseSqrt(total(local, vec2f(squares, 0.0)).x / f32(p.width) + p.epsilon);
for (var c = local; c < p.width; c += ${THREADS}u) {
  store_y(row + c, (load_x(row + c) - mean) * inverse * norm[c] + norm[p.width + c]);
}
if (local == 0u) {
  stats[2u * group] = mean;
  stats[2u * group + 1u] = inverse;
}`,
        },
        storages,
      ),
  }
}

/** @param beside whether a slope is added */
function backward(reach: number, beside: boolean): KernelSource {
  return {
    key: `layer norm gradient${beside ? " + slope" : ""}, neighbours ${reach}`,
    code: (storages) =>
      wgslModule(
        {
          params: ["rows", "width"],
          reads: { x: "f32", norm: "f32", stats: "f32", dy: "f32", ...(beside ? { beside: "f32" as const } : {}) },
          writes: { dx: "f32" },
          threads: THREADS,
          ...totalFunction(THREADS, reach),
          main: `if (group >= p.rows) { return; }
let row = group * p.width;
let mean = stats[2u * group];
let inverse = stats[2u * group + 1u];
var sums = vec2f();
for (var c = local; c < p.width; c += ${THREADS}u) {
  let slope = load_dy(row + c) * norm[c];
  sums += slope * vec2f(1.0, (load_x(row + c) - mean) * inverse);
}
let means = total(local, sums) / f32(p.width);
for (var c = local; c < p.width; c += ${THREADS}u) {
  let normed = (load_x(row + c) - mean) * inverse;
  let slope = inverse * (load_dy(row + c) * norm[c] - means.x - normed * means.y);
  store_dx(row + c, ${beside ? "load_beside(row + c) + " : ""}slope);
}`,
        },
        storages,
      ),
  }
}
