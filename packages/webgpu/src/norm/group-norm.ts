import type { GroupNormOptions, NormWeight, Ops } from "@lllite/core/ops"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import type { KernelSource } from "../device/commands.ts"
import { floatWord } from "../device/commands.ts"
import { WebgpuOpsError } from "../errors.ts"
import type { Gpu } from "../gpu.ts"
import type { WebgpuNorm } from "../weights/load.ts"
import { type KernelParts, wgslModule } from "../wgsl/module.ts"
import { type NormRun, normed, normedBeside } from "./beside.ts"
import { totalFunction } from "./reduce.ts"

const THREADS = 256

/** About how many values a workgroup adds up. A larger group is cut into slabs of pixels. */
const SLAB = 8192

/** Values that a workgroup computes from the sums. */
const BLOCK = 4096

/** Normalises every sample and group of channels, Wu and He 2018, with an optional SiLU. x: [N, H, W, C] → same */
export function createGroupNorm(gpu: Gpu): Required<Pick<Ops, "groupNorm" | "groupNormBeside">> {
  const { reach } = gpu.features
  const run = (x: Tensor4D, weight: NormWeight, { groups, epsilon, silu }: GroupNormOptions): NormRun<Tensor4D> => {
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
    // Slabs are added up where the sums are read, once for every block of values.
    const blocks = Math.ceil((pixels * c) / BLOCK)
    return {
      forward() {
        const parts = gpu.create<Tensor>([n, groups, slabs, 2])
        gpu.run(meanParts(reach), [x, parts], sizes, n * groups * slabs)
        const [y, stats] = [gpu.create<Tensor4D>(x.shape, gpu.storageOf(x)), gpu.create<Tensor>([n, groups, 2])]
        const params = [...sizes, blocks, n * blocks, floatWord(epsilon)]
        gpu.run(forward(silu, groups), [x, values, parts, y, stats], params, n * blocks)
        parts.dispose()
        return { y, stats }
      },
      back(x, stats, dy, beside) {
        const parts = gpu.create<Tensor>([n, groups, slabs, 2])
        gpu.run(slopeParts(silu, reach), [x, values, stats, dy, parts], sizes, n * groups * slabs)
        const dx = gpu.create(x.shape, gpu.storageOf(dy))
        const params = [...sizes, blocks, n * blocks]
        const more = beside === null ? [] : [beside]
        const kernel = backward(silu, groups, more.length > 0)
        gpu.run(kernel, [x, values, stats, dy, parts, ...more, dx], params, n * blocks)
        parts.dispose()
        return dx
      },
    }
  }
  return {
    groupNorm: (x, weight, options) => normed(x, run(x, weight, options)),
    groupNormBeside: (x, weight, options) => normedBeside(x, run(x, weight, options)),
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
    code: (storages) =>
      wgslModule(
        {
          params: SIZES,
          reads: { x: "f32" },
          writes: { parts: "vec2f" },
          threads: THREADS,
          ...summing(reach),
          main: `if (group >= arrayLength(&parts)) { return; }
let first = firstOf(group);
let count = pixelsOf(group % p.slabs) * channelsOf();
var sum = 0.0;
for (var i = local; i < count; i += ${THREADS}u) { sum += load_x(place(first, i)); }
let mean = total(local, vec2f(sum, 0.0)).x / f32(max(count, 1u));
var squares = 0.0;
for (var i = local; i < count; i += ${THREADS}u) {
  let apart = load_x(place(first, i)) - mean;
  squares += apart * apart;
}
let all = total(local, vec2f(squares, 0.0)).x;
if (local == 0u) { parts[group] = vec2f(mean, all); }`,
        },
        storages,
      ),
  }
}

/** Buffers of a kernel that computes values, and its statements. */
interface Blockwise extends Pick<KernelParts, "reads" | "writes"> {
  readonly key: string
  readonly groups: number
  /** Parameters after those of the sizes and blocks. */
  readonly params?: readonly string[]
  /** Makes `ofGroup`, two numbers of a group, of its slabs, which are at `at * p.slabs` and after it. */
  readonly before: string
  /** Statements for element i of the input, with its group's numbers and its channel `c`. */
  readonly each: string
}

/** A kernel whose workgroups compute blocks of values. Each of them adds up its sample's slabs before, in order. */
function blockwise({ key, groups, params = [], reads, writes, before, each }: Blockwise): KernelSource {
  return {
    key: `${key}, ${groups} groups`,
    code: (storages) =>
      wgslModule(
        {
          params: [...SIZES, "blocks", "allBlocks", ...params],
          ...{ reads, writes, threads: THREADS },
          declarations: `${SLABS}\nvar<workgroup> ofGroups: array<vec2f, ${groups}>;`,
          main: `if (group >= p.allBlocks) { return; }
let sample = group / p.blocks;
let block = group % p.blocks;
for (var owner = local; owner < ${groups}u; owner += ${THREADS}u) {
  let at = sample * ${groups}u + owner;
${before}
  ofGroups[owner] = ofGroup;
}
workgroupBarrier();
let count = p.pixels * p.channels;
let end = min((block + 1u) * ${BLOCK}u, count);
for (var e = block * ${BLOCK}u + local; e < end; e += ${THREADS}u) {
  let i = sample * count + e;
  let c = e % p.channels;
  let owner = c / channelsOf();
${each}
}`,
        },
        storages,
      ),
  }
}

/** `normed` and `y` of element i, from its group's mean and 1 / deviation, and, for SiLU, its gate. */
function element(silu: boolean, stats: string): string {
  return `let normed = (load_x(i) - ${stats}.x) * ${stats}.y;
let y = normed * norm[c] + norm[p.channels + c];
${silu ? "let gate = 1.0 / (1.0 + exp(-clamp(y, -80.0, 80.0)));" : ""}`
}

/** The slope at `normed`, from the slope at the result. */
function slopeOf(silu: boolean): string {
  return `load_dy(i) * norm[c]${silu ? " * gate * (1.0 + y * (1.0 - gate))" : ""}`
}

/** Mean and 1 / deviation of every group come from its slabs. Source: Chan, Golub and LeVeque 1979. */
function forward(silu: boolean, groups: number): KernelSource {
  return blockwise({
    ...{ key: `group norm${silu ? " + SiLU" : ""}`, groups, params: ["epsilon: f32"] },
    reads: { x: "f32", norm: "f32", parts: "vec2f" },
    writes: { result: "f32", stats: "vec2f" },
    before: `  var seen = 0.0;
  var mean = 0.0;
  var squares = 0.0;
  for (var slab = 0u; slab < p.slabs; slab++) {
    let more = f32(pixelsOf(slab) * channelsOf());
    if (more == 0.0) { continue; }
    let part = parts[at * p.slabs + slab];
    let apart = part.x - mean;
    let all = seen + more;
    mean += apart * more / all;
    squares += part.y + apart * apart * seen * more / all;
    seen = all;
  }
  let ofGroup = vec2f(mean, inverseSqrt(squares / seen + p.epsilon));
  if (block == 0u) { stats[at] = ofGroup; }`,
    each: `${element(silu, "ofGroups[owner]")}\nstore_result(i, y${silu ? " * gate" : ""});`,
  })
}

/** Sums of the slopes at `normed`, and of their products with it, of every slab. */
function slopeParts(silu: boolean, reach: number): KernelSource {
  return {
    key: `group norm${silu ? " + SiLU" : ""} gradient parts, neighbours ${reach}`,
    code: (storages) =>
      wgslModule(
        {
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
  let c = i % p.channels;
  let seen = stats[group / p.slabs];
  ${element(silu, "seen")}
  sums += ${slopeOf(silu)} * vec2f(1.0, normed);
}
let all = total(local, sums);
if (local == 0u) { parts[group] = all; }`,
        },
        storages,
      ),
  }
}

/** @param beside whether a slope is added */
function backward(silu: boolean, groups: number, beside: boolean): KernelSource {
  return blockwise({
    ...{ key: `group norm${silu ? " + SiLU" : ""} gradient${beside ? " + slope" : ""}`, groups },
    reads: {
      ...{ x: "f32", norm: "f32", stats: "vec2f", dy: "f32", parts: "vec2f" },
      ...(beside ? { beside: "f32" } : {}),
    },
    writes: { dx: "f32" },
    before: `  var ofGroup = vec2f();
  for (var slab = 0u; slab < p.slabs; slab++) { ofGroup += parts[at * p.slabs + slab]; }
  ofGroup /= f32(p.pixels * channelsOf());`,
    each: `let seen = stats[sample * ${groups}u + owner];
${element(silu, "seen")}
let means = ofGroups[owner];
store_dx(i, ${beside ? "load_beside(i) + " : ""}seen.y * (${slopeOf(silu)} - means.x - normed * means.y));`,
  })
}
