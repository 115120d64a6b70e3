import "@tensorflow/tfjs"
import * as tf from "@tensorflow/tfjs-core"
import { describe, expect, it } from "vitest"
import { weight as values } from "../../../reference/synthetic.ts"
import type { LoraModule, LoraTensor } from "./module-delta.ts"
import { lengthChange, liveFactors, mergedWeight } from "./module-delta.ts"
import type { LoraTensorName } from "./module-names.ts"

/* Every form of a module by its formula, in plain loops. Sides and ranks all differ. */

const tensor = (name: string, ...shape: number[]): LoraTensor => ({ shape, values: values(name, shape) })
const scalar = (value: number): LoraTensor => ({ shape: [], values: Float32Array.of(value) })
const moduleOf = (tensors: Partial<Record<LoraTensorName, LoraTensor>>): LoraModule =>
  new Map(Object.entries(tensors) as [LoraTensorName, LoraTensor][])
const sum = (count: number, of: (k: number) => number): number =>
  Array.from({ length: count }, (_, k) => of(k)).reduce((total, value) => total + value, 0)
/** The value of a tensor at these places. */
const at = ({ shape, values }: LoraTensor, ...places: number[]): number =>
  values[places.reduce((index, place, axis) => index * (shape[axis] ?? 1) + place, 0)] as number

const [OUT, IN, SIDE] = [6, 4, 3] as const
const CONV = tensor("host", OUT, IN, SIDE, SIDE)
type Delta = (row: number, column: number, y: number, x: number) => number

/** What each form adds to a convolution at strength 1. */
const FORMS: readonly (readonly [string, Partial<Record<LoraTensorName, LoraTensor>>, Delta])[] = (() => {
  const up = tensor("up", OUT, 2, 1, 1)
  const down = tensor("down", 2, IN, SIDE, SIDE)
  const small = tensor("small", 5, IN, 1, 1)
  const mid = tensor("mid", 2, 5, SIDE, SIDE)
  const core = (t: LoraTensor, a: LoraTensor, b: LoraTensor): Delta => {
    const [first = 0, second = 0] = t.shape
    return (row, column, y, x) =>
      sum(first, (p) => sum(second, (q) => at(a, p, row) * at(t, p, q, y, x) * at(b, q, column)))
  }
  const [t1, t2] = [tensor("t1", 2, 5, SIDE, SIDE), tensor("t2", 3, 2, SIDE, SIDE)]
  const [a1, b1] = [tensor("a1", 2, OUT), tensor("b1", 5, IN)]
  const [a2, b2] = [tensor("a2", 3, OUT), tensor("b2", 2, IN)]
  const [w1a, w1b] = [tensor("w1a", 2, 1), tensor("w1b", 1, 2)]
  const w1 = tensor("w1", 3, 2)
  const w2 = tensor("w2", 3, 2, SIDE, SIDE)
  const [k1, k2, kt] = [tensor("k1", 3, 2), tensor("k2", 4, 2), tensor("kt", 3, 4, SIDE, SIDE)]
  return [
    [
      "a LoCon, by alpha over the rank of its first layer",
      { lora_up: up, lora_down: down, alpha: scalar(3) },
      (row, column, y, x) => (3 / 2) * sum(2, (k) => at(up, row, k) * at(down, k, column, y, x)),
    ],
    [
      "a Tucker core between unlike ranks",
      { lora_up: up, lora_down: small, lora_mid: mid, alpha: scalar(2) },
      (row, column, y, x) =>
        (2 / 5) * sum(2, (p) => sum(5, (q) => at(up, row, p) * at(mid, p, q, y, x) * at(small, q, column))),
    ],
    [
      "a LoHa with cores",
      { hada_w1_a: a1, hada_w1_b: b1, hada_t1: t1, hada_w2_a: a2, hada_w2_b: b2, hada_t2: t2, alpha: scalar(4) },
      (...place) => (4 / 5) * core(t1, a1, b1)(...place) * core(t2, a2, b2)(...place),
    ],
    [
      "a LoKr whose first matrix is of low rank",
      { lokr_w1_a: w1a, lokr_w1_b: w1b, lokr_w2: w2, alpha: scalar(3) },
      (row, column, y, x) =>
        3 * at(w1a, Math.floor(row / 3), 0) * at(w1b, 0, Math.floor(column / 2)) * at(w2, row % 3, column % 2, y, x),
    ],
    [
      "a LoKr with a core",
      { lokr_w1: w1, lokr_w2_a: tensor("k1", 3, 2), lokr_w2_b: k2, lokr_t2: kt, alpha: scalar(2) },
      (row, column, y, x) =>
        (2 / 4) * at(w1, Math.floor(row / 2), Math.floor(column / 2)) * core(kt, k1, k2)(row % 2, column % 2, y, x),
    ],
    ["a whole difference, which has no rank", { diff: CONV, alpha: scalar(9) }, (...place) => at(CONV, ...place)],
  ]
})()

const places = (index: number): [number, number, number, number] => [
  Math.floor(index / (IN * SIDE * SIDE)),
  Math.floor(index / (SIDE * SIDE)) % IN,
  Math.floor(index / SIDE) % SIDE,
  index % SIDE,
]
const apart = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), a.length === b.length ? 0 : 1e9)

describe.each(FORMS)("%s", (_, tensors, delta) => {
  const deltas = CONV.values.map((_, i) => delta(...places(i)))

  it("is added to a convolution's weight at its strength", async () => {
    const merged = await mergedWeight("m", CONV, moduleOf(tensors), -0.6)
    const wanted = CONV.values.map((value, i) => value - 0.6 * (deltas[i] as number))
    expect(apart(merged, wanted)).toBeLessThan(1e-6)
    expect(apart(CONV.values, wanted)).toBeGreaterThan(1e-3)
  })

  it.each([
    ["rows", [OUT, 1, 1, 1], (index: number) => places(index)[0]],
    ["rows, without other axes", [OUT], (index: number) => places(index)[0]],
    ["columns", [1, IN, 1, 1], (index: number) => places(index)[1]],
  ] as const)("has the lengths of a DoRA's %s", async (name, shape, lineOf) => {
    const lines = name === "columns" ? IN : OUT
    const lengths = Float32Array.from({ length: lines }, (_, i) => 0.5 + i)
    const module = moduleOf({ ...tensors, dora_scale: { shape, values: lengths } })
    const whole = CONV.values.map((value, i) => value + (deltas[i] as number))
    const own = Array.from({ length: lines }, (_, line) =>
      Math.hypot(...[...whole].filter((_, i) => lineOf(i) === line)),
    )
    const change = await lengthChange("m", CONV, module)
    expect(change.side).toBe(name === "columns" ? "in" : "out")
    expect([...change.values]).toEqual(own.map((length, i) => expect.closeTo((lengths[i] as number) / length - 1, 4)))
    const merged = await mergedWeight("m", CONV, module, 0.3)
    const wanted = whole.map((value, i) => value * (1 + 0.3 * (change.values[lineOf(i)] as number)))
    expect(apart(merged, wanted)).toBeLessThan(1e-5)
  })

  it("leaves no tensor behind", async () => {
    const before = tf.memory().numTensors
    await mergedWeight("m", CONV, moduleOf(tensors), 1)
    await liveFactors("m", CONV.shape, moduleOf(tensors))
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe("a module that runs beside its layer", () => {
  it("of two layers has its scale in the last one", async () => {
    const [, tensors] = FORMS[0] as (typeof FORMS)[number]
    const found = await liveFactors("m", CONV.shape, moduleOf(tensors))
    const { lora_down: down, lora_up: up } = tensors
    expect(found).toMatchObject({ kind: "low-rank", down, mid: null, up: { shape: [OUT, 2, 1, 1] } })
    expect(found.kind === "low-rank" && [...found.up.values]).toEqual(
      [...(up?.values ?? [])].map((value) => Math.fround(value * 1.5)),
    )
  })

  it("of a core has its three layers", async () => {
    const [, tensors] = FORMS[1] as (typeof FORMS)[number]
    const found = await liveFactors("m", CONV.shape, moduleOf(tensors))
    expect(found).toMatchObject({ kind: "low-rank", down: tensors.lora_down, mid: tensors.lora_mid })
  })

  it.each(FORMS.slice(2))("that is %s has its whole difference", async (_, tensors, delta) => {
    const found = await liveFactors("m", CONV.shape, moduleOf(tensors))
    if (found.kind !== "whole") throw new Error("the module has layers")
    expect(found.delta.shape).toEqual(CONV.shape)
    expect(
      apart(
        found.delta.values,
        CONV.values.map((_, i) => delta(...places(i))),
      ),
    ).toBeLessThan(1e-6)
  })

  it.each<[string, Partial<Record<LoraTensorName, LoraTensor>>, string]>([
    [
      "no first layer",
      { lora_up: tensor("u", OUT, 2) },
      'm has no "lora_down", and has lora_up, the layer\'s weight is [6, 4, 3, 3]',
    ],
    ["no last layer", { lora_down: tensor("d", 2, IN, 3, 3) }, 'm has no "lora_up"'],
    [
      "a first layer of another kernel",
      { lora_up: tensor("u", OUT, 2), lora_down: tensor("d", 2, IN) },
      "m has factors of [2, 4], [6, 2]",
    ],
    [
      "a last layer of other rows",
      { lora_up: tensor("u", 5, 2), lora_down: tensor("d", 2, IN, 3, 3) },
      "m has factors of [2, 4, 3, 3], [5, 2]",
    ],
    [
      "layers of unlike ranks",
      { lora_up: tensor("u", OUT, 3), lora_down: tensor("d", 2, IN, 3, 3) },
      "m has factors of [2, 4, 3, 3], [6, 3]",
    ],
    [
      "a core of other ranks",
      { lora_up: tensor("u", OUT, 3), lora_down: tensor("d", 2, IN), lora_mid: tensor("m", 2, 2, 3, 3) },
      "m has factors of [2, 4], [2, 2, 3, 3], [6, 3]",
    ],
    ["a difference of other sides", { diff: tensor("x", OUT, IN) }, "m is for a weight of 24 values"],
    [
      "an infinite alpha",
      { lora_up: tensor("u", OUT, 2), lora_down: tensor("d", 2, IN, 3, 3), alpha: scalar(Number.POSITIVE_INFINITY) },
      "m has an alpha of Infinity",
    ],
    [
      "an empty alpha",
      { lora_up: tensor("u", OUT, 2), lora_down: tensor("d", 2, IN, 3, 3), alpha: tensor("a", 0) },
      "m has an alpha of NaN",
    ],
  ])("is refused with %s", async (_, tensors, message) => {
    await expect(liveFactors("m", CONV.shape, moduleOf(tensors))).rejects.toThrow(message)
  })
})

describe("a module that does not fit its layer", () => {
  it.each<[string, Partial<Record<LoraTensorName, LoraTensor>>, string]>([
    [
      "a core between other ranks",
      { lora_up: tensor("u", OUT, 3), lora_down: tensor("d", 2, IN), lora_mid: tensor("m", 4, 2, 3, 3) },
      'm has "lora_mid" of [4, 2, 3, 3] between ranks 3 and 2',
    ],
    [
      "cores of other rows",
      { lora_up: tensor("u", OUT, 2), lora_down: tensor("d", 2, IN), lora_mid: tensor("m", 4, 2, 3, 3) },
      'm has "lora_mid" of [4, 2, 3, 3] between ranks 2 and 2',
    ],
    [
      "cores of other columns",
      { lora_up: tensor("u", OUT, 2), lora_down: tensor("d", 2, IN), lora_mid: tensor("m", 2, 4, 3, 3) },
      'm has "lora_mid" of [2, 4, 3, 3] between ranks 2 and 2',
    ],
    [
      "halves of unlike sizes",
      {
        hada_w1_a: tensor("a", OUT, 2),
        hada_w1_b: tensor("b", 2, 36),
        hada_w2_a: tensor("c", OUT, 2),
        hada_w2_b: tensor("d", 2, 4),
      },
      "m has LoHa factors of 216 and 24 values",
    ],
    [
      "rows that do not divide",
      { lokr_w1: tensor("1", 4, 2), lokr_w2: tensor("2", 2, 2, 3, 3) },
      "m has LoKr factors of 4·2 and 36 values",
    ],
    [
      "columns that do not divide",
      { lokr_w1: tensor("1", 2, 3), lokr_w2: tensor("2", 2, 2, 3, 3) },
      "m has LoKr factors of 2·3 and 36 values",
    ],
    [
      "another kernel",
      { lokr_w1: tensor("1", 2, 2), lokr_w2: tensor("2", 3, 2) },
      "m has LoKr factors of 2·2 and 6 values",
    ],
    ["a first axis alone", { lora_up: tensor("u", OUT), lora_down: tensor("d", 2, 36) }, 'm has "lora_up" of [6]'],
    ["no rows", { lora_up: tensor("u", 0, 2), lora_down: tensor("d", 2, 36) }, 'm has "lora_up" of [0, 2]'],
  ])("is refused with %s", async (_, tensors, message) => {
    await expect(mergedWeight("m", CONV, moduleOf(tensors), 1)).rejects.toThrow(message)
  })
})
