import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Sdxl } from "../src/models/index.ts"
import { encodeWeightedPrompts, type WeightedPromptOptions } from "../src/models/index.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

const TOKENS = 77

/* ComfyUI's rule for weights: a state moves away from that of an empty prompt. */
describe("prompts in ComfyUI's syntax", () => {
  let sdxl: Sdxl
  beforeAll(async () => {
    sdxl = await createSyntheticSdxl(await startWasm())
  })
  afterAll(() => sdxl.dispose())

  const statesOf = (prompt: string, options: WeightedPromptOptions) => {
    const { context, pooled } = encodeWeightedPrompts(sdxl.ops, sdxl, [prompt], options)
    const result = { states: context.arraySync()[0] ?? [], pooled: pooled.arraySync() }
    tf.dispose([context, pooled])
    return result
  }

  it("have the states of plain text where there is no weight", () => {
    expect(statesOf("a red star", { syntax: "comfyui" })).toEqual(statesOf("a red star", { syntax: "plain" }))
    expect(statesOf("[a] BREAK b", { syntax: "comfyui" })).toEqual(statesOf("[a] BREAK b", { syntax: "plain" }))
  })

  it("move the states of weighted tokens from those of an empty prompt, and no others", () => {
    const [weighted, plain, empty] = [
      statesOf("a (red:1.5) star", { syntax: "comfyui" }),
      statesOf("a red star", { syntax: "plain" }),
      statesOf("", { syntax: "plain" }),
    ]
    expect(weighted.pooled).toEqual(plain.pooled)
    for (let token = 0; token < TOKENS; token++) {
      // Start, "a", "red".
      const weight = token === 2 ? 1.5 : 1
      for (const [i, value] of (weighted.states[token] ?? []).entries()) {
        const [own = 0, none = 0] = [plain.states[token]?.[i], empty.states[token]?.[i]]
        expect(value).toBeCloseTo(none + (own - none) * weight, 5)
      }
    }
  })

  it("may have a text of their own for the first encoder", () => {
    const width = sdxl.text1.config.width
    const parts = (prompt: string, options: WeightedPromptOptions) => {
      const { states, pooled } = statesOf(prompt, options)
      return { first: states.map((row) => row.slice(0, width)), second: states.map((row) => row.slice(width)), pooled }
    }
    const [star, ring] = [parts("a red star", {}), parts("a ring", {})]
    const both = parts("a red star", { firstPrompts: ["a ring"] })
    expect(both).toEqual({ first: ring.first, second: star.second, pooled: star.pooled })
    const long = statesOf("a red star", { firstPrompts: ["cat ".repeat(80)] })
    expect(long.states).toHaveLength(2 * TOKENS)
  })

  it("move a short run into the next chunk as a whole", () => {
    const words = (count: number): string => Array.from({ length: count }, () => "cat").join(" ")
    const { states } = statesOf(`${words(73)} (red star dog:1.2)`, { syntax: "comfyui" })
    expect(states).toHaveLength(2 * TOKENS)
    const alone = statesOf("red star dog", { syntax: "plain" }).states
    const empty = statesOf("", { syntax: "plain" }).states
    const expected = (alone[1] ?? []).map((value, i) => (empty[1]?.[i] ?? 0) + (value - (empty[1]?.[i] ?? 0)) * 1.2)
    for (const [i, value] of (states[TOKENS + 1] ?? []).entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 5)
  })

  const statesOfAll = (prompts: readonly string[], options: WeightedPromptOptions) => {
    const { context, pooled } = encodeWeightedPrompts(sdxl.ops, sdxl, prompts, options)
    const result = { states: context.arraySync(), pooled: pooled.arraySync() }
    tf.dispose([context, pooled])
    return result
  }

  /** Whether all numbers of two lists are near. */
  const expectNear = (actual: readonly number[], expected: readonly number[]): void => {
    expect(actual.length).toBe(expected.length)
    for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 4)
  }

  it("are repeated to the longest one's length, because ComfyUI's attention reads no other tokens", () => {
    const long = "cat ".repeat(80)
    const own = statesOf("a ring", { syntax: "comfyui" })
    const { states } = statesOfAll([long, "a ring"], { syntax: "comfyui" })
    expect(states[1]).toHaveLength(2 * TOKENS)
    expectNear((states[1] ?? []).flat(), [...own.states, ...own.states].flat())
    const padded = statesOfAll([long, "a ring"], { syntax: "plain" }).states[1] ?? []
    expectNear(padded.slice(TOKENS).flat(), statesOf("", { syntax: "plain" }).states.flat())
  })

  it("may be averaged with another, which is cut to their length or filled with zeros", () => {
    const long = "cat ".repeat(80)
    const [star, ring, cats] = ["a red star", "a ring", long].map((text) => statesOf(text, { syntax: "comfyui" }))
    const mixed = (prompt: string, weight: number, others: readonly { text: string; weight: number }[]) =>
      statesOfAll([prompt], { syntax: "comfyui", mixes: [{ weight, others }] })
    const sum = (a: readonly number[] = [], b: readonly number[] = []) => a.map((x, i) => 0.75 * x + 0.25 * (b[i] ?? 0))
    const average = mixed("a red star", 0.75, [{ text: "a ring", weight: 0.25 }])
    expectNear(average.states.flat(2), sum(star?.states.flat(), ring?.states.flat()))
    expectNear(average.pooled.flat(), sum(star?.pooled.flat(), ring?.pooled.flat()))
    const shortened = mixed("a red star", 0.75, [{ text: long, weight: 0.25 }])
    expectNear(shortened.states.flat(2), sum(star?.states.flat(), cats?.states.flat()))
    const filled = mixed(long, 0.75, [{ text: "a ring", weight: 0.25 }])
    expectNear(filled.states.flat(2), sum(cats?.states.flat(), ring?.states.flat()))
    const zeros = mixed("a red star", 0, [])
    expect([...zeros.states.flat(2), ...zeros.pooled.flat()].every((value) => value === 0)).toBe(true)
  })
})
