// Cases for the kernels on subgroup matrices, with their results in float64.
import { relativeError, sample } from "../measure/check.mjs"
import { attended, channelsLast, columnsOfHeads, convolved, dot } from "../measure/float64.mjs"
import { fromHalf, normal, toHalf } from "../measure/made-up.mjs"
import { buffer, clear, readBytes } from "../measure/own-kernels.mjs"
import { HEAD } from "./attention.mjs"

/**
 * Sizes, tensors on the device and the expected y. `flops` counts a multiplication and an addition as two.
 * `check(run, tolerance)` sets y to zeros, runs, reads sampled rows of y and gives the error.
 */
function createCase(device, { name, size, flops, inputs, rows, columns, activations, valueAt, wide }) {
  const isSmall = rows * columns <= 2 ** 16
  const buffers = inputs.map((bytes) => buffer(device, bytes))
  const bytesOf = activations === "f16" ? 2 : 4
  const result = buffer(device, bytesOf * rows * columns)
  const taken = {
    rows: sample(rows, isSmall ? rows : 12),
    columns: wide ?? sample(columns, isSmall ? columns : 96),
  }
  let expected = null
  return {
    ...{ name, size, flops, buffers: [...buffers, result] },
    async check(run, tolerance) {
      clear(device, result)
      run()
      expected ??= taken.rows.flatMap((row) => taken.columns.map((column) => valueAt(row, column)))
      const got = []
      for (const row of taken.rows) {
        const bytes = await readBytes(device, result, bytesOf * row * columns, bytesOf * columns)
        const values = activations === "f16" ? fromHalf(bytes) : new Float32Array(bytes.buffer)
        got.push(...taken.columns.map((column) => values[column]))
      }
      return relativeError(name, got, expected, tolerance)
    },
  }
}

/** x: [m, k] · w: [n, k] + bias: [n] */
export function productCase(device, { m, n, k }, activations) {
  const x = toHalf(normal(m * k, { seed: 1 }))
  const w = toHalf(normal(n * k, { seed: 2, scale: 1 / Math.sqrt(k) }))
  const bias = normal(n, { seed: 3 })
  return createCase(device, {
    ...{ name: `product ${m}×${k} → ${n}`, size: { m, n, k }, flops: 2 * m * n * k },
    ...{ inputs: [activations === "f16" ? x.bytes : x.values, w.bytes, bias], rows: m, columns: n, activations },
    valueAt: (row, column) => bias[column] + dot(x.values, row * k, 1, w.values, column * k, 1, k),
  })
}

/** 3×3, padding 1. x: [1, side, side, inner], w: [out, 3, 3, inner] */
export function convolutionCase(device, { side, inner, out, stride }, activations) {
  const x = toHalf(normal(side * side * inner, { seed: 1 }))
  const w = toHalf(normal(out * 9 * inner, { seed: 2, scale: 1 / Math.sqrt(9 * inner) }))
  const bias = normal(out, { seed: 3 })
  const outSide = Math.floor((side - 1) / stride) + 1
  return createCase(device, {
    name: `conv 3×3${stride === 1 ? "" : `, stride ${stride},`} ${side}×${side}×${inner} → ${out}`,
    size: { count: 1, height: side, width: side, channels: inner, out, stride },
    flops: 18 * outSide * outSide * inner * out,
    ...{ inputs: [activations === "f16" ? x.bytes : x.values, w.bytes, bias], activations },
    ...{ rows: outSide * outSide, columns: out },
    valueAt: (pixel, o) => {
      const [row, column] = [Math.floor(pixel / outSide), pixel % outSide]
      return (
        bias[o] + convolved(x.values, w.values, { side, inner, stride, steps: channelsLast(inner) }, row, column, o)
      )
    },
  })
}

/** Heads of 64. Scores are spread so widely that sums must be rescaled on the way. */
export function attentionCase(device, { tokens, keys, heads }) {
  const width = heads * HEAD
  const [q, k, v] = [tokens, keys, keys].map((length, i) =>
    toHalf(normal(length * width, { seed: i + 1, scale: i < 2 ? 2 : 1 })),
  )
  const sizes = { keys, heads, dim: HEAD }
  const rows = new Map()
  const rowOf = (token, head) => {
    const key = token * heads + head
    if (!rows.has(key)) rows.set(key, attended(q.values, k.values, v.values, sizes, token, head))
    return rows.get(key)
  }
  return createCase(device, {
    name: `attention ${tokens} tokens, ${keys} keys, ${heads} heads of ${HEAD}`,
    ...{ size: { count: 1, tokens, keys, heads }, flops: 4 * tokens * keys * width },
    ...{ inputs: [q.bytes, k.bytes, v.bytes], rows: tokens, columns: width, activations: "f16" },
    ...(tokens * width > 2 ** 16 && { wide: columnsOfHeads(heads, HEAD) }),
    valueAt: (token, column) => rowOf(token, Math.floor(column / HEAD))[column % HEAD],
  })
}
