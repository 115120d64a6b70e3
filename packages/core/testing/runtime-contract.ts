import type { RgbImage } from "../src/image.ts"
import type { LlliteModel } from "../src/models/lllite/layout.ts"
import type {
  AdapterHandle,
  GenerateRunOptions,
  Runtime,
  SdxlHandle,
  TrainRunOptions,
} from "../src/runtime/contract.ts"
import type { TrainDataset } from "../src/training/dataset.ts"
import type { DivergedError } from "../src/training/diverged-error.ts"
import type { TrainState } from "../src/training/train-state.ts"

/*
 * The contract of `Runtime`, as cases that any runtime can run, also in a browser's page. A case throws when the
 * runtime breaks the contract. The models are small: two tiny checkpoints and an LLLite for them.
 */

/** A runtime under test, with its files. */
export interface RuntimeSubject<Source> {
  /** Creates a runtime on a backend whose results repeat bit for bit. */
  create(): Promise<Runtime<Source>>
  /** A small SDXL. */
  readonly checkpoint: Source
  /** Another small SDXL of the same layout, with other weights in its VAE. */
  readonly otherVae: Source
  /** An LLLite for both models. */
  readonly lllite: Source
  /** A file that is not a checkpoint. */
  readonly otherKind: Source
  /** The sites of a training. */
  sites(sdxl: SdxlHandle): TrainRunOptions["sites"]
  /** The classes of errors on the client's side. */
  readonly classes: { readonly CoreError: ErrorClass; readonly FormatError: ErrorClass }
}

type ErrorClass = abstract new (...values: never) => Error

export interface RuntimeCase {
  readonly name: string
  run<Source>(subject: RuntimeSubject<Source>): Promise<void>
}

const SIDE = 64
const picture = { width: SIDE, height: SIDE, steps: 2, guidanceScale: 1.5 } as const
const stars = [1, 2, 3].map((seed) => ({ prompt: "a red star", seed }))

/** All cases. `use` creates a runtime for several cases and ends it. */
export const RUNTIME_CASES: readonly RuntimeCase[] = [
  loaded("makes pictures in their order, with every step of every batch before", async ({ sdxl, expect }) => {
    const events: string[] = []
    let done = 0
    for await (const event of sdxl.generate(stars, { ...picture, batchSize: 1 })) {
      if (event.kind === "image") {
        events.push(`image ${event.index} of seed ${event.seed}`)
        expect(event.image.width === SIDE && event.image.height === SIDE, "a picture has another size")
      } else if (event.kind === "notice") {
        events.push(event.text)
      } else {
        expect(event.done > done && event.done <= event.count, `done went from ${done} to ${event.done}`)
        expect(event.count === 3 && event.previews.length === 0, "a step has wrong fields")
        done = event.done
        events.push(`step ${event.step} of ${event.steps} of ${event.first}`)
      }
    }
    const images = events.filter((event) => event.startsWith("image"))
    expect(images.join() === "image 0 of seed 1,image 1 of seed 2,image 2 of seed 3", `pictures came as ${images}`)
    for (const first of [0, 1, 2]) {
      const own = events.filter((event) => event.endsWith(` of ${first}`) || event.startsWith(`image ${first} `))
      expect(
        own.join() === `step 1 of 2 of ${first},step 2 of 2 of ${first},image ${first} of seed ${first + 1}`,
        `batch ${first} went ${own}`,
      )
    }
    expect(done === 3, `${done} of 3 were done at the end`)
  }),

  loaded("says what is not read of prompts, once, before the first step", async ({ sdxl, expect }) => {
    const requests = stars.map((request) => ({ ...request, prompt: "a {red|blue} (star:1.5)" }))
    const events: string[] = []
    for await (const event of sdxl.generate(requests, { ...picture, batchSize: 1 })) {
      events.push(event.kind === "notice" ? event.text : event.kind)
    }
    const [weights, alternatives, next] = events
    expect(weights?.includes('read as weights: "star" 1.5') === true, `the first event is ${weights}`)
    expect(alternatives?.includes('"{red|blue}". It is not followed') === true, `the second event is ${alternatives}`)
    expect(next === "step" && !events.slice(2).some((event) => event.includes(" ")), `events came as ${events}`)
  }),

  loaded("makes every picture the same alone and in batches of any size", async ({ sdxl, expect }) => {
    const together = await draw(sdxl, stars, picture)
    const apart = await draw(sdxl, stars, { ...picture, batchSize: 2 })
    const alone = await draw(sdxl, stars.slice(1, 2), picture)
    expect(!same(together[0], together[1]), "two seeds gave one picture")
    expect(
      together.every((image, i) => same(image, apart[i])),
      "a batch of two made other pictures",
    )
    expect(same(together[1], alone[0]), "a picture alone is another one")
  }),

  loaded("decodes an estimate of every picture at every step with previews", async ({ sdxl, expect }) => {
    const counts: number[] = []
    for await (const event of sdxl.generate(stars.slice(0, 2), { ...picture, previews: true })) {
      if (event.kind === "step") counts.push(event.previews.filter(({ width }) => width === SIDE).length)
    }
    expect(counts.join() === "2,2", `previews came as ${counts}`)
  }),

  loaded(
    "uses an adapter by its handle, with its strength and its window",
    async ({ runtime, sdxl, subject, expect }) => {
      const adapter = await runtime.loadAdapter(subject.lllite, sdxl)
      expect(adapter.adapters.length > 0, "the handle names no adapters")
      expect(adapter.notices.length === 0, `the handle of a plain file says ${adapter.notices}`)
      expect(sdxl.prediction === "epsilon" && !sdxl.zeroTerminalSnr, "the tiny SDXL is run in another way than it says")
      expect(sdxl.notices.length === 0, `the handle of the tiny SDXL says ${sdxl.notices}`)
      const use = { adapter, control: lines() }
      const [plain] = await draw(sdxl, stars.slice(0, 1), picture)
      const withUse = async (changes: object): Promise<RgbImage | undefined> =>
        (await draw(sdxl, stars.slice(0, 1), { ...picture, adapters: [{ ...use, ...changes }] }))[0]
      const steered = await withUse({})
      expect(!same(plain, steered), "the adapter changes nothing")
      expect(same(plain, await withUse({ strength: 0 })), "strength 0 changes something")
      expect(!same(steered, await withUse({ strength: 0.5 })), "strength has no effect")
      expect(!same(steered, await withUse({ end: 0.2 })), "the window has no effect")
      expect(same(steered, await withUse({})), "it steers differently in the second use")
      await adapter.dispose()
      await adapter.dispose()
      await refused(expect, subject, () => withUse({}), /not loaded in this runtime, or it was disposed/)
    },
  ),

  loaded(
    "gives every request its own control, and refuses a wrong number of them",
    async ({ runtime, sdxl, subject, expect }) => {
      const adapter = await runtime.loadAdapter(subject.lllite, sdxl)
      const controls = [lines(), lines(40), lines(8)]
      const options = { ...picture, batchSize: 2 }
      const each = await draw(sdxl, stars, { ...options, adapters: [{ adapter, control: controls }] })
      const [last] = await draw(sdxl, stars.slice(2), { ...picture, adapters: [{ adapter, control: lines(8) }] })
      expect(same(each[2], last), "the third picture is steered by another control")
      const two = { ...options, adapters: [{ adapter, control: controls.slice(1) }] }
      await refused(expect, subject, () => draw(sdxl, stars, two), /2 control images for 3 pictures/)
    },
  ),

  loaded("keeps two models apart, each until it is disposed", async ({ runtime, sdxl, subject, expect }) => {
    const other = await runtime.loadSdxl(subject.checkpoint, { vae: subject.otherVae })
    const [first, second] = [
      await draw(sdxl, stars.slice(0, 1), picture),
      await draw(other, stars.slice(0, 1), picture),
    ]
    expect(!same(first[0], second[0]), "both models draw the same picture")
    const [again] = await draw(sdxl, stars.slice(0, 1), picture)
    expect(same(first[0], again), "the first model draws another picture after the second was loaded")
    const before = await runtime.memory()
    await other.dispose()
    await other.dispose()
    expect((await runtime.memory()).bytes < before.bytes, "disposing freed no memory")
    await refused(expect, subject, () => draw(other, stars.slice(0, 1), picture), /was disposed/)
    await refused(expect, subject, () => train(other, subject), /was disposed/)
    expect(
      same(first[0], (await draw(sdxl, stars.slice(0, 1), picture))[0]),
      "the other model draws another picture now",
    )
  }),

  loaded("runs two at once, and ends only the one that is aborted", async ({ sdxl, expect }) => {
    const [wanted] = await draw(sdxl, stars.slice(0, 1), { ...picture, steps: 6 })
    const controller = new AbortController()
    const aborted = draw(sdxl, stars, { ...picture, steps: 400, signal: controller.signal }).then(
      () => "ended by itself",
      (error: unknown) => String(error),
    )
    let isFirst = true
    let image: RgbImage | undefined
    for await (const event of sdxl.generate(stars.slice(0, 1), { ...picture, steps: 6 })) {
      if (isFirst) controller.abort(new Error("enough"))
      isFirst = false
      if (event.kind === "image") image = event.image
    }
    expect((await aborted) === "Error: enough", `the aborted run ended with: ${await aborted}`)
    expect(same(wanted, image), "the other run made another picture")
  }),

  loaded(
    "stops within a step when aborted, throws the signal's reason, and leaves nothing behind",
    async ({ runtime, sdxl, expect }) => {
      const before = await runtime.memory()
      const controller = new AbortController()
      let events = 0
      let reason: unknown
      try {
        for await (const _ of sdxl.generate(stars, {
          ...picture,
          steps: 400,
          batchSize: 1,
          signal: controller.signal,
        })) {
          events += 1
          if (events === 2) controller.abort(new Error("enough"))
        }
      } catch (error) {
        reason = error
      }
      expect(String(reason) === "Error: enough", `it threw ${reason}`)
      // Every worker may have sent one more value.
      expect(events <= 2 + runtime.threads, `${events} values came`)
      expect(equal(await runtime.memory(), before), "something stays on the device")
    },
  ),

  loaded("does not begin with a signal that is aborted already", async ({ sdxl, subject, runtime, expect }) => {
    const signal = AbortSignal.abort(new Error("too late"))
    const late = async (work: () => Promise<unknown>): Promise<void> => {
      const reason = await work().then(() => "ended by itself", String)
      expect(reason === "Error: too late", `it threw ${reason}`)
    }
    await late(() => draw(sdxl, stars, { ...picture, signal }))
    await late(() => runtime.loadSdxl(subject.checkpoint, { signal }))
    await late(() => runtime.loadAdapter(subject.lllite, sdxl, { signal }))
  }),

  loaded("ends the work when a loop is left, by break and by throw", async ({ runtime, sdxl, expect }) => {
    const before = await runtime.memory()
    const options = { ...picture, steps: 400, batchSize: 1 }
    for await (const _ of sdxl.generate(stars, options)) break
    try {
      for await (const _ of sdxl.generate(stars, options)) throw new Error("left")
    } catch (error) {
      expect(String(error) === "Error: left", `it threw ${error}`)
    }
    const start = Date.now()
    const [image] = await draw(sdxl, stars.slice(0, 1), picture)
    const seconds = (Date.now() - start) / 1000
    expect(image !== undefined, "no picture came")
    // The remaining 2400 passes would take minutes.
    expect(seconds < 30, `the next picture took ${seconds} s`)
    expect(equal(await runtime.memory(), before), "something stays on the device")
  }),

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

  loaded(
    "stops a training inside of a step, and returns the run after the last complete one",
    async ({ runtime, sdxl, subject, expect }) => {
      // The first step leaves copies of weights for the backward pass.
      await train(sdxl, subject, { steps: 1 })
      const before = await runtime.memory()
      const controller = new AbortController()
      const state = await train(sdxl, subject, { steps: 1000, signal: controller.signal }, (event) => {
        if (event.startsWith("step 2")) controller.abort()
      })
      expect(state.step === 2 || state.step === 3, `it stopped after ${state.step} steps`)
      const early = await train(sdxl, subject, { steps: 1000, signal: AbortSignal.abort() })
      expect(early.step === 0, `a run that was aborted before it began took ${early.step} steps`)
      for await (const event of sdxl.train(dataset(), trainOptions(sdxl, subject, { steps: 1000 }))) {
        if (event.kind === "step") break
      }
      expect(equal(await runtime.memory(), before), "something stays on the device")
    },
  ),

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
  loaded("steers with a training's state, while the training continues", async ({ runtime, sdxl, subject, expect }) => {
    const pictures: (RgbImage | undefined)[] = []
    for await (const event of sdxl.train(dataset(), trainOptions(sdxl, subject, { steps: 2, stateEvery: 1 }))) {
      if (event.kind !== "step" || event.state === null) continue
      const adapter: AdapterHandle = await runtime.loadAdapter(event.state.model, sdxl)
      const options = { ...picture, adapters: [{ adapter, control: lines() }] }
      pictures.push((await draw(sdxl, stars.slice(0, 1), options))[0])
      await adapter.dispose()
    }
    expect(pictures.length === 2 && !same(pictures[0], pictures[1]), "a step changed no pixel")
  }),

  loaded("refuses wrong files and options by class and code", async ({ runtime, sdxl, subject, expect }) => {
    const { CoreError, FormatError } = subject.classes
    const thrownBy = (work: () => Promise<unknown>): Promise<unknown> =>
      work().then(
        () => null,
        (error: unknown) => error,
      )
    const kind = await thrownBy(() => runtime.loadSdxl(subject.otherKind))
    expect(kind instanceof FormatError, `another kind of file gave ${kind}`)
    expect(codeOf(kind) === "wrong-kind", "its code is missing")
    const adapter = await thrownBy(() => runtime.loadAdapter(subject.otherVae, sdxl))
    expect(adapter instanceof FormatError, `a checkpoint as an adapter gave ${adapter}`)
    const size = await thrownBy(() => draw(sdxl, stars, { ...picture, width: 65 }))
    expect(size instanceof CoreError && /width is 65/.test(size.message), `a wrong width gave ${size}`)
    expect(codeOf(size) === "picture-size", `its code is ${codeOf(size)}`)
    const none = await thrownBy(() => draw(sdxl, [], picture))
    expect(none instanceof CoreError, `no request gave ${none}`)
    expect(codeOf(none) === "request-empty", `its code is ${codeOf(none)}`)
    const empty = await thrownBy(() => collect(sdxl.train({ ...dataset(), count: 0 }, trainOptions(sdxl, subject, {}))))
    expect(empty instanceof CoreError && /empty/.test(empty.message), `an empty data set gave ${empty}`)
    expect(codeOf(empty) === "dataset-empty", `its code is ${codeOf(empty)}`)
    const rate = await thrownBy(() => train(sdxl, subject, { learningRate: -1 }))
    expect(rate instanceof CoreError, `a negative rate gave ${rate}`)
    expect(codeOf(rate) === "option-range", `its code is ${codeOf(rate)}`)
    const [image] = await draw(sdxl, stars.slice(0, 1), picture)
    expect(image !== undefined, "it draws no picture after refusals")
  }),

  {
    name: "refuses everything once it is disposed, and ends what runs",
    async run(subject) {
      const runtime = await subject.create()
      const sdxl = await runtime.loadSdxl(subject.checkpoint)
      const adapter = await runtime.loadAdapter(subject.lllite, sdxl)
      const running = draw(sdxl, stars, { ...picture, steps: 400 })
      const ended = running.then(
        () => null,
        (error: unknown) => error,
      )
      const paused = sdxl.generate(stars, { ...picture, steps: 400 })
      await paused.next()
      await runtime.dispose()
      await runtime.dispose()
      const expect = assertion("refuses everything once it is disposed")
      const { CoreError } = subject.classes
      expect((await ended) instanceof CoreError, `the run that was going on ended with ${await ended}`)
      const late: readonly (() => Promise<unknown>)[] = [
        () => paused.next(),
        () => draw(sdxl, stars, picture),
        () => train(sdxl, subject),
        () => runtime.loadSdxl(subject.checkpoint),
        () => runtime.loadAdapter(subject.lllite, sdxl),
        () => runtime.memory(),
      ]
      for (const [i, work] of late.entries()) {
        const error = await work().then(
          () => "nothing was thrown",
          (error: unknown) => error,
        )
        expect(error instanceof CoreError && /disposed/.test(error.message), `call ${i} after dispose(): ${error}`)
        expect(codeOf(error) === "disposed", `its code is ${codeOf(error)}`)
      }
      await sdxl.dispose()
      await adapter.dispose()
    },
  },
]

interface CaseContext<Source> {
  readonly subject: RuntimeSubject<Source>
  readonly runtime: Runtime<Source>
  readonly sdxl: SdxlHandle
  readonly expect: Expect
}

type Expect = (isTrue: boolean, otherwise: string) => void

/** A case with a runtime and a model, which are disposed after it. */
function loaded(name: string, check: <Source>(context: CaseContext<Source>) => Promise<void>): RuntimeCase {
  return {
    name,
    async run(subject) {
      const runtime = await subject.create()
      try {
        const sdxl = await runtime.loadSdxl(subject.checkpoint)
        await check({ subject, runtime, sdxl, expect: assertion(name) })
      } finally {
        await runtime.dispose()
      }
    },
  }
}

function assertion(name: string): Expect {
  return (isTrue, otherwise) => {
    if (!isTrue) throw new Error(`runtime contract, "${name}": ${otherwise}`)
  }
}

async function refused<Source>(
  expect: Expect,
  { classes }: RuntimeSubject<Source>,
  work: () => Promise<unknown>,
  message: RegExp,
): Promise<void> {
  const error = await work().then(
    () => "nothing was thrown",
    (error: unknown) => error,
  )
  expect(error instanceof classes.CoreError && message.test(error.message), `expected ${message}, got ${error}`)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}

async function draw(
  sdxl: SdxlHandle,
  requests: typeof stars,
  options: GenerateRunOptions,
): Promise<readonly RgbImage[]> {
  const images: RgbImage[] = []
  for await (const event of sdxl.generate(requests, options)) if (event.kind === "image") images.push(event.image)
  return images
}

/** A control: a bright band across a black picture. */
function lines(row = 20): RgbImage {
  const data = new Uint8Array(SIDE * SIDE * 3)
  data.fill(255, SIDE * row * 3, SIDE * (row + 4) * 3)
  return { width: SIDE, height: SIDE, data }
}

function dataset(): TrainDataset {
  const size = { original: [SIDE, SIDE], crop: [0, 0], target: [SIDE, SIDE] } as const
  return {
    count: 2,
    async example(index) {
      const image = {
        width: SIDE,
        height: SIDE,
        data: Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * (7 + index)) % 256),
      }
      return { name: `example ${index}`, image, control: lines(8 + 16 * index), caption: "a red star", size }
    },
  }
}

function trainOptions<Source>(
  sdxl: SdxlHandle,
  subject: RuntimeSubject<Source>,
  changes: Partial<TrainRunOptions>,
): TrainRunOptions {
  return {
    sites: subject.sites(sdxl),
    ...{ condDim: 8, mlpDim: 8, steps: 2, batchSize: 1, seed: 1, learningRate: 1e-2 },
    ...changes,
  }
}

async function train<Source>(
  sdxl: SdxlHandle,
  subject: RuntimeSubject<Source>,
  changes: Partial<TrainRunOptions> = {},
  onEvent: (event: string) => void = () => {},
): Promise<TrainState> {
  const run = sdxl.train(dataset(), trainOptions(sdxl, subject, changes))
  for (;;) {
    const next = await run.next()
    if (next.done === true) return next.value
    const event = next.value
    if (event.kind === "notice") onEvent(`notice ${event.text}`)
    else if (event.kind === "cache") onEvent(`cache ${event.done} of ${event.count}`)
    else onEvent(`step ${event.step} of ${event.steps}${event.state === null ? "" : " with its state"}`)
  }
}

/** By its name: the runtime may have another copy of the class. */
function isDiverged(error: unknown): error is DivergedError {
  return error instanceof Error && error.name === "DivergedError"
}

async function collect(run: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of run);
}

function same(one: RgbImage | undefined, other: RgbImage | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return one.data.length === other.data.length && one.data.every((value, i) => value === other.data[i])
}

function equalValues(one: LlliteModel, other: LlliteModel): boolean {
  return one.values.length === other.values.length && one.values.every((value, i) => value === other.values[i])
}

function equal(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
