// The verbs that take most time of a U-Net, at certain sizes, with values and gradients in float64.
import { sample } from "../measure/check.mjs"
import { asInFile, attended, columnsOfHeads, convolved, convolvedBack, dot } from "../measure/float64.mjs"
import { normal, toHalf } from "../measure/made-up.mjs"
import { attendedBack, gegluAt, gegluBackAt, normalised } from "./float64.mjs"

/*
 * A case has:
 *   name
 *   usesTiles  whether it is a product, whose tiles can be tuned
 *   flops    of the forward pass and of its gradient. Frozen weights have no gradient. Recomputed scores count.
 *   inputs   [{ shape, values }]. The gradient is taken with respect to them. If `gradient` is false, there is none.
 *   dy       The gradient at the result.
 *   prepare  takes an `Ops`, loads the frozen weights, returns { run(...inputs), dispose }.
 *   forward  places in the result, and their expected values.
 *   back     for every input, the same of its gradient.
 */

/** How many rows and columns of a result are compared. */
const ROWS = 12
const COLUMNS = 96

const entry = (shape, { bytes }) => ({ name: "made up", dtype: "F16", shape, read: async () => bytes })
const loaded = (load, run) => async (ops) => {
  const weight = await load(ops.load)
  return { run: (x) => run(ops, x, weight), dispose: () => weight.dispose() }
}
const plain = (run) => async (ops) => ({ run: (...inputs) => run(ops, ...inputs), dispose: () => {} })

/** Values at some rows and columns of a matrix. */
function sampled(rows, columns, valueAt, { taken = sample(rows, ROWS), wide = sample(columns, COLUMNS) } = {}) {
  return {
    places: taken.flatMap((row) => wide.map((column) => row * columns + column)),
    values: taken.flatMap((row) => wide.map((column) => valueAt(row, column))),
  }
}

export function linear(rows, inner, out) {
  const x = normal(rows * inner, { seed: 1 })
  const w = toHalf(normal(out * inner, { seed: 2, scale: 1 / Math.sqrt(inner) }))
  const bias = toHalf(normal(out, { seed: 3 }))
  const dy = normal(rows * out, { seed: 4 })
  return {
    ...{ name: `linear ${rows}×${inner} → ${out}`, usesTiles: true },
    flops: [2 * rows * inner * out, 2 * rows * inner * out],
    ...{ inputs: [{ shape: [rows, inner], values: x }], dy: { shape: [rows, out], values: dy } },
    prepare: loaded(
      (load) => load.linear(entry([out, inner], w), entry([out], bias)),
      (ops, x, weight) => ops.linear(x, weight),
    ),
    forward: () => sampled(rows, out, (r, o) => bias.values[o] + dot(x, r * inner, 1, w.values, o * inner, 1, inner)),
    back: [() => sampled(rows, inner, (r, i) => dot(dy, r * out, 1, w.values, i, inner, out))],
  }
}

export function dense(rows, inner, out) {
  const [x, w, bias, dy] = [rows * inner, inner * out, out, rows * out].map((length, i) =>
    normal(length, { seed: i + 1, scale: i === 1 ? 1 / Math.sqrt(inner) : 1 }),
  )
  return {
    ...{ name: `dense ${rows}×${inner} → ${out}`, usesTiles: true },
    flops: [2 * rows * inner * out, 4 * rows * inner * out],
    inputs: [
      { shape: [rows, inner], values: x },
      { shape: [inner, out], values: w },
      { shape: [out], values: bias },
    ],
    dy: { shape: [rows, out], values: dy },
    prepare: plain((ops, x, weight, bias) => ops.dense(x, weight, bias)),
    forward: () => sampled(rows, out, (r, o) => bias[o] + dot(x, r * inner, 1, w, o, out, inner)),
    back: [
      () => sampled(rows, inner, (r, i) => dot(dy, r * out, 1, w, i * out, 1, out)),
      () => sampled(inner, out, (i, o) => dot(x, i, inner, dy, o, out, rows)),
      () => sampled(1, out, (_, o) => dot(ones(rows), 0, 1, dy, o, out, rows)),
    ],
  }
}

/** 3×3, padding 1. */
export function conv2d(side, inner, out, stride = 1) {
  const outSide = Math.floor((side - 1) / stride) + 1
  const x = normal(side * side * inner, { seed: 1 })
  const w = toHalf(normal(out * 9 * inner, { seed: 2, scale: 1 / Math.sqrt(9 * inner) }))
  const bias = toHalf(normal(out, { seed: 3 }))
  const dy = normal(outSide * outSide * out, { seed: 4 })
  const sizes = { side, inner, out, stride, steps: asInFile(inner) }
  const place = (pixel, width) => [Math.floor(pixel / width), pixel % width]
  const work = 18 * outSide * outSide * inner * out
  return {
    name: `conv 3×3${stride === 1 ? "" : `, stride ${stride},`} ${side}×${side}×${inner} → ${out}`,
    ...{ usesTiles: true, flops: [work, work] },
    inputs: [{ shape: [1, side, side, inner], values: x }],
    dy: { shape: [1, outSide, outSide, out], values: dy },
    prepare: loaded(
      (load) => load.conv2d(entry([out, inner, 3, 3], w), entry([out], bias)),
      (ops, x, weight) => ops.conv2d(x, weight, { stride, padding: [1, 1, 1, 1] }),
    ),
    forward: () =>
      sampled(
        outSide ** 2,
        out,
        (pixel, o) => bias.values[o] + convolved(x, w.values, sizes, ...place(pixel, outSide), o),
      ),
    back: [() => sampled(side ** 2, inner, (pixel, c) => convolvedBack(dy, w.values, sizes, ...place(pixel, side), c))],
  }
}

/** @param gradient whether training needs it. The VAE's attention needs none */
export function attention(tokens, keys, heads, dim, gradient = true) {
  const [width, product] = [heads * dim, 2 * tokens * keys * heads * dim]
  const [q, k, v] = [tokens, keys, keys].map((length, i) => normal(length * width, { seed: i + 1 }))
  const sizes = { keys, heads, dim }
  const queries = sample(tokens, ROWS)
  // dy is zero except at a few queries. Otherwise a key's gradient in float64 would need all queries.
  const slopes = normal(queries.length * width, { seed: 4 })
  const dy = new Float32Array(tokens * width)
  queries.forEach((token, i) => {
    dy.set(slopes.subarray(i * width, (i + 1) * width), token * width)
  })
  const forward = kept((token, head) => attended(q, k, v, sizes, token, head))
  const back = kept((head) => attendedBack(q, k, v, dy, sizes, queries, head))
  const wide = columnsOfHeads(heads, dim)
  const at = (name, length, taken) => () => {
    const slopesOf = kept((row, head) => back(head)[name](row))
    return sampled(length, width, (row, c) => slopesOf(row, Math.floor(c / dim))[c % dim], { wide, ...taken })
  }
  return {
    ...{ name: `attention ${tokens} tokens, ${keys} keys, ${heads} heads of ${dim}`, gradient },
    // Two products forward; scores, their slopes and three results on the way back.
    flops: [2 * product, 5 * product],
    inputs: [q, k, v].map((values, i) => ({ shape: [1, i === 0 ? tokens : keys, width], values })),
    dy: { shape: [1, tokens, width], values: dy },
    prepare: plain((ops, q, k, v) => ops.attention(q, k, v, { heads, causal: false })),
    forward: () => sampled(tokens, width, (token, c) => forward(token, Math.floor(c / dim))[c % dim], { wide }),
    back: [at("dq", tokens, { taken: queries }), at("dk", keys), at("dv", keys)],
  }
}

export function groupNorm(side, width) {
  return norm(`group norm + SiLU ${side}×${side}×${width}`, [1, side, side, width], {
    flops: [12, 24],
    load: (load, scale, shift) => load.norm(scale, shift),
    run: (ops, x, weight) => ops.groupNorm(x, weight, { groups: 32, epsilon: 1e-5, silu: true }),
    // A few groups of channels, at every pixel.
    sets: [0, 17, 31].map((group) =>
      Array.from({ length: side * side }, (_, pixel) => pixel).flatMap((pixel) =>
        Array.from({ length: width / 32 }, (_, c) => pixel * width + (group * width) / 32 + c),
      ),
    ),
    silu: true,
  })
}

export function layerNorm(rows, width) {
  return norm(`layer norm ${rows}×${width}`, [rows, width], {
    flops: [8, 12],
    load: (load, scale, shift) => load.norm(scale, shift),
    run: (ops, x, weight) => ops.layerNorm(x, weight, 1e-5),
    sets: sample(rows, 4 * ROWS).map((row) => Array.from({ length: width }, (_, c) => row * width + c)),
    silu: false,
  })
}

/** @param sets places of x that are normalised together */
function norm(name, shape, { flops, load, run, sets, silu }) {
  const [length, width] = [shape.reduce((product, size) => product * size, 1), shape.at(-1)]
  const x = normal(length, { seed: 1, scale: 2 }).map((value) => value + 0.5)
  const scale = toHalf(normal(width, { seed: 2, scale: 0.2 }).map((value) => value + 1))
  const shift = toHalf(normal(width, { seed: 3, scale: 0.2 }))
  const dy = normal(length, { seed: 4 })
  const both = kept(() =>
    sets.map((places) => normalised(x, dy, places, { scale: scale.values, shift: shift.values, epsilon: 1e-5, silu })),
  )
  const of = (which) => () => ({ places: sets.flat(), values: both().flatMap((set) => [...set[which]]) })
  return {
    ...{ name, flops: flops.map((each) => each * length) },
    ...{ inputs: [{ shape, values: x }], dy: { shape, values: dy } },
    prepare: loaded((loader) => load(loader, entry([width], scale), entry([width], shift)), run),
    ...{ forward: of("y"), back: [of("dx")] },
  }
}

export function geglu(rows, width) {
  const h = normal(rows * 2 * width, { seed: 1, scale: 2 })
  const dy = normal(rows * width, { seed: 2 })
  return {
    ...{ name: `GEGLU ${rows}×${2 * width} → ${width}`, flops: [20 * rows * width, 30 * rows * width] },
    ...{ inputs: [{ shape: [rows, 2 * width], values: h }], dy: { shape: [rows, width], values: dy } },
    prepare: plain((ops, h) => ops.geglu(h)),
    forward: () => sampled(rows, width, (row, c) => gegluAt(h, width, row, c)),
    back: [() => sampled(rows, 2 * width, (row, c) => gegluBackAt(h, dy, width, row, c))],
  }
}

const ones = (length) => new Float32Array(length).fill(1)

/** Computes once for the same arguments. */
function kept(compute) {
  const values = new Map()
  return (...args) => {
    const key = args.join()
    if (!values.has(key)) values.set(key, compute(...args))
    return values.get(key)
  }
}
