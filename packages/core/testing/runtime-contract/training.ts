import type { TrainDataset } from "../../src/training/dataset.ts"
import type { RuntimeCase } from "./case.ts"
import { loaded } from "./case.ts"
import { dataset, equalValues, isDiverged, train, trainOptions } from "./trainings.ts"

/** Cases of trainings, their steps and their states. */
export const TRAINING: readonly RuntimeCase[] = [
  loaded("trains and yields every step, with states where they are requested", async ({ sdxl, subject, expect }) => {
    const events: string[] = []
    const state = await train(sdxl, subject, { steps: 3, stateEvery: 2 }, (event) => {
      events.push(event)
    })
    expect(
      events.join() === "cache 1 of 2,cache 2 of 2,step 1 of 3,step 2 of 3 with its state,step 3 of 3",
      `events came as ${events}`,
    )
    expect(state.step === 3 && state.model.values.some((value) => value !== 0), "nothing was trained")
  }),

  loaded("encodes repeats once, and says which captions are cut", async ({ sdxl, subject, expect }) => {
    const plain = dataset()
    const asked: number[] = []
    const repeated: TrainDataset = {
      count: 5,
      original: (index) => (index < 3 ? 0 : 3),
      async example(index) {
        asked.push(index)
        const example = await plain.example(index === 0 ? 0 : 1)
        return index === 0 ? example : { ...example, caption: "a red star, ".repeat(30) }
      },
    }
    const events: string[] = []
    for await (const event of sdxl.train(repeated, trainOptions(sdxl, subject, { steps: 1 }))) {
      events.push(event.kind === "notice" ? event.text : event.kind === "cache" ? `${event.done}` : event.kind)
    }
    expect(asked.sort().join() === "0,3", `examples ${asked} were read`)
    const [last, notice, step] = events.slice(-3)
    expect(last === "5" && step === "step", `events came as ${events}`)
    expect(
      notice?.startsWith('The caption of "example 1" is longer than 75 tokens') === true,
      `the notice is ${notice}`,
    )
  }),

  loaded("trains the same from the same seed, and continues a stopped run", async ({ sdxl, subject, expect }) => {
    const whole = await train(sdxl, subject, { steps: 3, batchSize: 2, shards: 2 })
    const half = await train(sdxl, subject, { steps: 1, batchSize: 2, shards: 2 })
    const before = half.model.values.slice()
    const rest = await train(sdxl, subject, { steps: 3, batchSize: 2, shards: 2, initial: half })
    expect(equalValues(whole.model, rest.model), "the continued run trained another LLLite")
    expect(
      before.every((value, i) => value === half.model.values[i]),
      "continuing changed the initial run",
    )
  }),

  loaded("keeps the run after the last good step when a training diverges", async ({ sdxl, subject, expect }) => {
    // The first step has a rate of 0. The rate of the second is larger than any weight can be.
    const lr = { curve: "constant_with_warmup", warmupSteps: 2 } as const
    const run = train(sdxl, subject, { steps: 3, learningRate: 1e300, lr })
    const error = await run.catch((error: unknown) => error)
    expect(error instanceof subject.classes.CoreError, `the run ended with ${error}`)
    if (!isDiverged(error)) throw error
    expect(error.code === "weights-not-finite", `the code is ${error.code}`)
    expect(error.message.includes("at step 2"), `no step is named: ${error.message}`)
    const good = await train(sdxl, subject, { steps: 1, learningRate: 0 })
    expect(error.state.step === 1, `the state is that of step ${error.state.step}`)
    expect(equalValues(error.state.model, good.model), "the state is not that after step 1")
  }),
]
