import { type GroupNormOptions, type NormWeight, type Ops, vjp } from "@lllite/core/ops"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import type { KernelSource } from "../device/commands.ts"
import { floatWord } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import type { WebgpuNorm } from "../weights/load.ts"
import { type KernelParts, wgslModule } from "../wgsl/module.ts"
import { totalFunction } from "./reduce.ts"

const THREADS = 256

/** About how many values a workgroup adds up. A larger group is cut into slabs of pixels. */
const SLAB = 8192

/** Normalises every sample and group of channels, Wu and He 2018, with an optional SiLU. x: [N, H, W, C] → same */
export function createGroupNorm(gpu: Gpu): Ops["groupNorm"] {
  const { reach } = gpu.features
  return (x: Tensor4D, weight: NormWeight, { groups, epsilon, silu }: GroupNormOptions) => {
    const { values, width } = weight as WebgpuNorm
    const [n, h, w, c] = x.shape
    if (c !== width || c % groups !== 0) {
      throw new WebgpuOpsError(
        "shape",
        `groupNorm: x is [${x.shape.join(", ")}], expected ${width} channels, a multiple of ${groups} groups`,
      )
    }
    const pixels = h * w
    const slabs = Math.min(pixels, Math.ceil((pixels * c) / groups / SLAB))
    const sizes = [pixels, c, groups, slabs]
    const each = Math.ceil(x.size / THREADS)
    const merge = (kernel: KernelSource, parts: Tensor, params: readonly number[]): Tensor => {
      const merged = gpu.create<Tensor>([n, groups, 2])
      gpu.run(kernel, [parts, merged], params, Math.ceil((n * groups) / THREADS))
      parts.dispose()
      return merged
    }
    return vjp([x], () => {
      const parts = gpu.create<Tensor>([n, groups, slabs, 2])
      gpu.run(meanParts(reach), [x, parts], sizes, n * groups * slabs)
      const stats = merge(STATS, parts, [...sizes, n * groups, floatWord(epsilon)])
      const y = gpu.create<Tensor4D>(x.shape)
      gpu.run(forward(silu), [x, values, stats, y], [...sizes, x.size], each)
      return {
        value: y,
        saved: [x, stats],
        gradients: (dy, [x, stats]) => {
          const parts = gpu.create<Tensor>([n, groups, slabs, 2])
          gpu.run(slopeParts(silu, reach), [x, values, stats, dy, parts], sizes, n * groups * slabs)
          const means = merge(SLOPE_MEANS, parts, [...sizes, n * groups])
          const dx = gpu.create(x.shape)
          gpu.run(backward(silu), [x, values, stats, dy, means, dx], [...sizes, x.size], each)
          return [dx]
        },
      }
    })
  }
}

const SIZES = ["pixels", "channels", "groups", "slabs"] as const

/** The slab of a workgroup: its `first` element and its `count`. The element `i` is at `place(first, i)`. */
const SLABS = `
fn span() -> u32 { return (p.pixels + p.slabs - 1u) / p.slabs; }
fn pixelsOf(slab: u32) -> u32 { return min(span(), p.pixels - min(slab * span(), p.pixels)); }
fn channelsOf() -> u32 { return p.channels / p.groups; }
fn firstOf(block: u32) -> u32 {
  let owner = block / p.slabs;
  let pixel = owner / p.groups * p.pixels + block % p.slabs * span();
  return pixel * p.channels + owner % p.groups * channelsOf();
}
fn place(first: u32, i: u32) -> u32 { return first + i / channelsOf() * p.channels + i % channelsOf(); }`

/** Declarations of a kernel in which each workgroup adds up a slab. */
function summing(reach: number): Pick<KernelParts, "enable" | "declarations"> {
  const { enable, declarations } = totalFunction(THREADS, reach)
  return { enable, declarations: SLABS + declarations }
}

/**
 * The mean of every slab, and the sum of squares about it. It takes two passes, because values may be far from zero.
 */
function meanParts(reach: number): KernelSource {
  return {
    key: `group norm parts, neighbours ${reach}`,
    code: () =>
      wgslModule({
        params: SIZES,
        reads: { x: "f32" },
        writes: { parts: "vec2f" },
        threads: THREADS,
        ...summing(reach),
        main: `if (group >= arrayLength(&parts)) { return; }
let first = firstOf(group);
let count = pixelsOf(group % p.slabs) * channelsOf();
var sum = 0.0;
for (var i = local; i < count; i += ${THREADS}u) { sum += x[place(first, i)]; }
let mean = total(local, vec2f(sum, 0.0)).x / f32(max(count, 1u));
var squares = 0.0;
for (var i = local; i < count; i += ${THREADS}u) {
  let apart = x[place(first, i)] - mean;
  squares += apart * apart;
}
let all = total(local, vec2f(squares, 0.0)).x;
if (local == 0u) { parts[group] = vec2f(mean, all); }`,
      }),
  }
}

/** Mean and 1 / deviation of every group, from its slabs in order. Source: Chan, Golub and LeVeque 1979. */
const STATS: KernelSource = {
  key: "group norm statistics",
  code: () =>
    wgslModule({
      params: [...SIZES, "owners", "epsilon: f32"],
      reads: { parts: "vec2f" },
      writes: { stats: "vec2f" },
      threads: THREADS,
      declarations: SLABS,
      main: `let owner = group * ${THREADS}u + local;
if (owner >= p.owners) { return; }
var count = 0.0;
var mean = 0.0;
var squares = 0.0;
for (var slab = 0u; slab < p.slabs; slab++) {
  let more = f32(pixelsOf(slab) * channelsOf());
  if (more == 0.0) { continue; }
  let part = parts[owner * p.slabs + slab];
  let apart = part.x - mean;
  let all = count + more;
  mean += apart * more / all;
  squares += part.y + apart * apart * count * more / all;
  count = all;
}
stats[owner] = vec2f(mean, inverseSqrt(squares / count + p.epsilon));`,
    }),
}

/** `normed` and `y` of element i, and, for SiLU, its gate. */
function element(silu: boolean): string {
  return `let c = i % p.channels;
let owner = i / (p.pixels * p.channels) * p.groups + c / channelsOf();
let normed = (x[i] - stats[owner].x) * stats[owner].y;
let y = normed * norm[c] + norm[p.channels + c];
${silu ? "let gate = 1.0 / (1.0 + exp(-clamp(y, -80.0, 80.0)));" : ""}`
}

/** The slope at `normed`, from the slope at the result. */
function slopeOf(silu: boolean): string {
  return `dy[i] * norm[c]${silu ? " * gate * (1.0 + y * (1.0 - gate))" : ""}`
}

function forward(silu: boolean): KernelSource {
  return {
    key: `group norm${silu ? " + SiLU" : ""}`,
    code: () =>
      wgslModule({
        params: [...SIZES, "count"],
        reads: { x: "f32", norm: "f32", stats: "vec2f" },
        writes: { result: "f32" },
        threads: THREADS,
        declarations: SLABS,
        main: `let i = group * ${THREADS}u + local;
if (i >= p.count) { return; }
${element(silu)}
result[i] = y${silu ? " * gate" : ""};`,
      }),
  }
}

/** Sums of the slopes at `normed`, and of their products with it, of every slab. */
function slopeParts(silu: boolean, reach: number): KernelSource {
  return {
    key: `group norm${silu ? " + SiLU" : ""} gradient parts, neighbours ${reach}`,
    code: () =>
      wgslModule({
        params: SIZES,
        reads: { x: "f32", norm: "f32", stats: "vec2f", dy: "f32" },
        writes: { parts: "vec2f" },
        threads: THREADS,
        ...summing(reach),
        main: `if (group >= arrayLength(&parts)) { return; }
let first = firstOf(group);
let count = pixelsOf(group % p.slabs) * channelsOf();
var sums = vec2f();
for (var at = local; at < count; at += ${THREADS}u) {
  let i = place(first, at);
  ${element(silu)}
  sums += ${slopeOf(silu)} * vec2f(1.0, normed);
}
let all = total(local, sums);
if (local == 0u) { parts[group] = all; }`,
      }),
  }
}

const SLOPE_MEANS: KernelSource = {
  key: "group norm gradient means",
  code: () =>
    wgslModule({
      params: [...SIZES, "owners"],
      reads: { parts: "vec2f" },
      writes: { means: "vec2f" },
      threads: THREADS,
      declarations: SLABS,
      main: `let owner = group * ${THREADS}u + local;
if (owner >= p.owners) { return; }
var sums = vec2f();
for (var slab = 0u; slab < p.slabs; slab++) { sums += parts[owner * p.slabs + slab]; }
means[owner] = sums / f32(p.pixels * channelsOf());`,
    }),
}

function backward(silu: boolean): KernelSource {
  return {
    key: `group norm${silu ? " + SiLU" : ""} gradient`,
    code: () =>
      wgslModule({
        params: [...SIZES, "count"],
        reads: { x: "f32", norm: "f32", stats: "vec2f", dy: "f32", means: "vec2f" },
        writes: { dx: "f32" },
        threads: THREADS,
        declarations: SLABS,
        main: `let i = group * ${THREADS}u + local;
if (i >= p.count) { return; }
${element(silu)}
dx[i] = stats[owner].y * (${slopeOf(silu)} - means[owner].x - normed * means[owner].y);`,
      }),
  }
}
