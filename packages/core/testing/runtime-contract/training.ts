import type { EncodedText, TrainDataset } from "../../src/training/dataset.ts"
import type { SavedRun } from "../../src/training/saved-run.ts"
import type { TrainState } from "../../src/training/train-state.ts"
import type { RuntimeCase } from "./case.ts"
import { equal, loaded } from "./case.ts"
import { SIDE } from "./pictures.ts"
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

  loaded("gives the state at the multiples of several intervals", async ({ sdxl, subject, expect }) => {
    const withState: number[] = []
    for await (const event of sdxl.train(dataset(), trainOptions(sdxl, subject, { steps: 5, stateEvery: [2, 3] }))) {
      if (event.kind === "step" && event.state !== null) withState.push(event.step)
    }
    expect(withState.join() === "2,3,4", `steps ${withState} had a state`)
  }),

  loaded("measures held-out examples the same each time, beside a training", async ({ sdxl, subject, expect }) => {
    const plain = await train(sdxl, subject, { steps: 2, learningRate: 0.05 })
    const validation = sdxl.validation(dataset(), { seed: 3 })
    const without = await validation.losses(null)
    const before: number[] = []
    const run = sdxl.train(dataset(), trainOptions(sdxl, subject, { steps: 2, learningRate: 0.05, stateEvery: 1 }))
    let trained: TrainState | null = null
    for (;;) {
      const next = await run.next()
      if (next.done === true) {
        trained = next.value
        break
      }
      const event = next.value
      if (event.kind === "step" && event.state !== null)
        before.push(...(await validation.losses(event.state.model)).flat())
    }
    const after = await validation.losses(trained.model)
    const again = await validation.losses(trained.model)
    await validation.dispose()
    expect(without.length === 2 && without.every((losses) => losses.length === 4), "losses are missing")
    expect(
      [...without.flat(), ...before].every((loss) => loss > 0),
      `losses are ${without} and ${before}`,
    )
    expect(String(after) === String(again) && String(after.flat()) === String(before.slice(8)), "losses differ")
    expect(String(after) !== String(without), "the LLLite changed no loss")
    expect(equalValues(plain.model, trained.model), "the validation changed the training")
  }),

  loaded(
    "fills the stores of a data set with what a training writes, and nothing twice",
    async ({ sdxl, subject, expect }) => {
      const [trained, cached, alone] = [storing(), storing(), storing()]
      await train(sdxl, subject, { steps: 1, seed: 5 }, () => {}, trained.dataset)
      const cache = async (dataset: TrainDataset, indices: readonly number[] = [0, 1]): Promise<string> => {
        const events: string[] = []
        for await (const event of sdxl.cache(dataset, { seed: 5, indices })) {
          events.push(event.kind === "cache" ? `${event.done} of ${event.count}` : event.text)
        }
        return events.join()
      }
      expect((await cache(cached.dataset)) === "1 of 2,2 of 2", "an event is missing")
      const [first = "", ...others] = cached.written
      expect(first !== "" && others.length === 3, `${cached.written.length} files were written, not 4`)
      expect(equal([...cached.written].sort(), [...trained.written].sort()), "a training writes other values")
      await cache(cached.dataset)
      expect(cached.written.length === 4, "what a store has was encoded again")
      // An example alone, of a data set that keeps captions only.
      const { latents: _, ...texts } = alone.dataset
      await cache(texts, [1])
      expect(alone.written.length === 1 && cached.written.includes(alone.written[0] ?? ""), "the caption is another")
    },
  ),

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

  loaded("trains the same with help of another runtime, also when it is lost", async ({ sdxl, subject, expect }) => {
    const options = { steps: 3, batchSize: 2, shards: 2 }
    const alone = await train(sdxl, subject, options)
    const other = await subject.create()
    try {
      const helper = (await other.loadSdxl(subject.checkpoint)).stepHelper()
      const asked: string[] = []
      const state = await train(sdxl, subject, {
        ...options,
        help: {
          places: () => 1,
          async gradient(part, signal) {
            asked.push(`${part.task.step}: ${part.task.examples.length} of ${part.rows.length}`)
            // The place of the second step's part is lost.
            return part.task.step === 1 ? null : helper.gradient(part, signal)
          },
        },
      })
      expect(equal(asked, ["0: 1 of 1", "1: 1 of 1", "2: 1 of 1"]), `help was asked for ${asked}`)
      expect(equalValues(alone.model, state.model), "help trained another LLLite")
      // Two batches of a step, side by side.
      const batches = { steps: 2, batchSize: 1, accumulation: 2 }
      const gradient = helper.gradient.bind(helper)
      const far = await train(sdxl, subject, { ...batches, help: { places: () => 2, gradient } })
      expect(
        equalValues((await train(sdxl, subject, batches)).model, far.model),
        "help of batches trained another LLLite",
      )
      await helper.dispose()
    } finally {
      await other.dispose()
    }
  }),

  loaded("rounds parts to float16, and continues with what it left out", async (context) => {
    const { sdxl, subject, expect } = context
    const options = { steps: 3, batchSize: 2, shards: 2, partPrecision: "float16" } as const
    const whole = await train(sdxl, subject, options)
    const exact = await train(sdxl, subject, { ...options, partPrecision: "float32" })
    expect(!equalValues(whole.model, exact.model), "nothing was rounded")
    expect(whole.feedback?.size === 2, `the state has what ${whole.feedback?.size} parts left out`)
    const half = await train(sdxl, subject, { ...options, steps: 1 })
    const rest = await train(sdxl, subject, { ...options, initial: half })
    expect(equalValues(whole.model, rest.model), "the continued run trained another LLLite")
    const { feedback: _, ...forgetful } = half
    const other = await train(sdxl, subject, { ...options, initial: forgetful })
    expect(!equalValues(whole.model, other.model), "what was left out did not count")
  }),

  loaded("ends a training with its last good state when help fails", async ({ sdxl, subject, expect }) => {
    const help = {
      places: () => 1,
      gradient: async ({ task }: { readonly task: { readonly step: number } }) => {
        if (task.step === 0) return null
        throw new Error("the cable is out")
      },
    }
    const error = await train(sdxl, subject, { steps: 3, batchSize: 2, shards: 2, help }).catch(
      (error: unknown) => error,
    )
    expect(isDiverged(error) && error.state.step === 1, `the run ended with ${error}`)
    expect(String(error).includes("the cable is out"), `the error does not say why: ${error}`)
  }),

  loaded("continues a run from its file, and ends as a run that never stopped", async (context) => {
    const { runtime, sdxl, subject, expect } = context
    const facts = new Map([["steps", "4"]])
    for (const name of ["adamw", "prodigy", "lion8bit", "adamwschedulefree"] as const) {
      const options = {
        ...{ steps: 4, batchSize: 2, optimizer: { name }, learningRate: 1e-2 },
        ...(name === "adamw" ? { ema: { decay: 0.9 } } : {}),
      }
      const whole = await train(sdxl, subject, options)
      let kept: SavedRun | null = null
      const run = sdxl.train(dataset(), trainOptions(sdxl, subject, { ...options, stateEvery: 2 }))
      for await (const event of run) {
        if (event.kind !== "step" || event.state === null) continue
        const history = new Map([["loss", Float64Array.of(0.1, event.loss)]])
        kept = await subject.keepRun(runtime, { state: event.state, facts, history }, sdxl)
        expect(String(kept.history?.get("loss")) === `0.1,${event.loss}`, `${name}: the losses are another ones`)
        break
      }
      expect(kept?.state.step === 2, `${name}: the file is of step ${kept?.state.step}`)
      expect(kept?.facts.get("steps") === "4", `${name}: the facts are missing`)
      const rest = await train(sdxl, subject, { ...options, ...(kept === null ? {} : { initial: kept.state }) })
      expect(equalValues(whole.model, rest.model), `${name}: the continued run trained another LLLite`)
      expect(String(whole.ema) === String(rest.ema), `${name}: the average is another one`)
    }
  }),

  loaded("reads captions that change, the same from the same seed, and in a continued run", async (context) => {
    const { sdxl, subject, expect } = context
    const rules = { shuffle: true, dropoutRate: 0.3, warmupSteps: 3, warmupMin: 2 }
    const caption = "a red star, a blue ring, a green bar, night, sky"
    const changing: TrainDataset = { ...dataset(), changingCaption: () => ({ caption, rules }) }
    const options = { steps: 3, batchSize: 2, shards: 2, weightedCaptions: true }
    const run = (changes: object, examples = changing) =>
      train(sdxl, subject, { ...options, ...changes }, () => {}, examples)
    const whole = await run({})
    const rest = await run({ initial: await run({ steps: 1 }) })
    expect(equalValues(whole.model, rest.model), "the continued run read other captions")
    const still = await run({}, dataset())
    expect(!equalValues(whole.model, still.model), "captions did not change")
    // Two batches of a step are an epoch here.
    const everyNth = (dropoutEveryNEpochs: number) => {
      const ruled = { caption: "a red star", rules: { dropoutEveryNEpochs } }
      const steps = { steps: 2, batchSize: 1, shards: 1, accumulation: 2 }
      return run(steps, { ...dataset(), changingCaption: () => ruled })
    }
    const [second, third] = [await everyNth(2), await everyNth(3)]
    expect(!equalValues(second.model, third.model), "the captions of the second epoch were not empty")
  }),

  loaded(
    "trains pairs that flip, vary and are kept elsewhere, and continues exactly",
    async ({ sdxl, subject, expect }) => {
      const plain = dataset()
      const stored = new Map<number, readonly Float32Array[]>()
      const views: string[] = []
      /** The first pair varies, and the second one flips. */
      const changing: TrainDataset = {
        count: 2,
        augmentation: (index) => ({ flips: index === 1, varies: index === 0 }),
        sizes: [0, 1].map(() => ({ width: SIDE, height: SIDE })),
        async example(index, { isFlipped, draws } = { isFlipped: false, draws: null }) {
          const example = await plain.example(index)
          const [shift = 0] = draws?.uniform("shift", 1) ?? []
          if (draws !== null) views.push(`${index} ${shift}`)
          const data = example.image.data.map((value) => (isFlipped ? 255 - value : value * (1 - shift)))
          return { ...example, image: { ...example.image, data } }
        },
        latents: {
          has: async (index) => stored.has(index),
          async read(index, isFlipped) {
            const { image: _, ...example } = await plain.example(index)
            return { ...example, latents: stored.get(index)?.[isFlipped ? 1 : 0] ?? new Float32Array() }
          },
          write: async (index, latents) => void stored.set(index, latents),
        },
      }
      const options = { batchSize: 2, shards: 2 }
      const whole = await train(sdxl, subject, { ...options, steps: 3 }, () => {}, changing)
      expect(new Set(views).size === 3, `the views were ${views}`)
      expect(stored.get(1)?.length === 2 && !stored.has(0), "not both ways of the second pair are kept")
      const half = await train(sdxl, subject, { ...options, steps: 1 }, () => {}, changing)
      const rest = await train(sdxl, subject, { ...options, steps: 3, initial: half }, () => {}, changing)
      expect(equalValues(whole.model, rest.model), "the continued run trained another LLLite")
    },
  ),

  loaded("trains a range of strengths, and limits what sites add", async ({ sdxl, subject, expect }) => {
    const objective = { strengthRange: { min: 0.2, floor: 0.3, power: 2 } }
    const plain = await train(sdxl, subject, { learningRate: 0.1 })
    const ranged = await train(sdxl, subject, { learningRate: 0.1, objective })
    expect(!equalValues(plain.model, ranged.model), "the range of strengths had no effect")
    const limited = await train(sdxl, subject, { learningRate: 0.1, objective, siteLimit: 1e-3 })
    const size = (name: string, { slots, values }: typeof limited.model): number =>
      slots
        .filter((slot) => slot.name.startsWith(name))
        .reduce((most, { offset, size }) => Math.max(most, ...values.subarray(offset, offset + size).map(Math.abs)), 0)
    expect(size("up", limited.model) > 0, "the limit removed what was trained")
    expect(size("up", limited.model) < size("up", ranged.model) / 2, "the limit had no effect")
  }),

  loaded("keeps the run after the last good step when a training diverges", async ({ sdxl, subject, expect }) => {
    // The first step has a rate of 0. The decay of the second makes weights that are larger than any number.
    const lr = { curve: "constant_with_warmup", warmupSteps: 2 } as const
    const optimizer = { name: "adamw", weightDecay: 1e300 } as const
    const run = train(sdxl, subject, { steps: 3, learningRate: 1, lr, optimizer })
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

/** A data set with stores in memory. Its list has the names and values of all that was written. */
function storing(): { readonly dataset: TrainDataset; readonly written: readonly string[] } {
  const plain = dataset()
  const written: string[] = []
  const latents = new Map<number, readonly Float32Array[]>()
  const texts = new Map<number, EncodedText>()
  return {
    written,
    dataset: {
      ...plain,
      sizes: Array.from({ length: plain.count }, () => ({ width: SIDE, height: SIDE })),
      latents: {
        has: async (index) => latents.has(index),
        async read(index, isFlipped) {
          const { image: _, ...rest } = await plain.example(index)
          return { ...rest, latents: latents.get(index)?.[isFlipped ? 1 : 0] ?? new Float32Array(0) }
        },
        async write(index, values) {
          latents.set(index, values)
          written.push(`latents ${index}: ${values.map(String)}`)
        },
      },
      texts: {
        has: async (index) => texts.has(index),
        read: async (index) => texts.get(index) ?? null,
        async write(index, text) {
          texts.set(index, text)
          written.push(`text ${index}: ${text.context} ${text.pooled}`)
        },
      },
    },
  }
}
