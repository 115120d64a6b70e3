import { describe, expect, it } from "vitest"
import type { Client } from "../channel/client.ts"
import { createStepHelper } from "./step-helper.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"
import type { StepPart } from "./train-help.ts"

const PART: StepPart = {
  lllite: { adapters: [], values: new Float32Array(3) },
  task: { step: 0, firstRow: 0, examples: [0], lane: 0 },
  rows: [],
  objective: {},
  encoding: { seed: 1, captionChunks: 1, weightedCaptions: false },
}

/** A worker that had to compute a part again. */
const client = {
  async call(_: string, { into }: { readonly into: Float32Array | null }) {
    const gradients = Float32Array.of(1, 2, 3)
    into?.set(gradients)
    return { loss: 0.5, gradients: into ?? gradients, repeats: 2 }
  },
} as unknown as Client<RuntimeTasks<RuntimeTypes>>

describe("createStepHelper", () => {
  it.each([
    ["is watched", () => {}],
    ["is not watched", undefined],
  ])("gives all of a worker's result where the gradient %s", async (_, onFinal) => {
    const helper = createStepHelper([client], { model: 1, run: 1 })
    const result = await helper.gradient(PART, undefined, onFinal)
    expect(result).toEqual({ loss: 0.5, gradients: Float32Array.of(1, 2, 3), repeats: 2 })
  })
})
