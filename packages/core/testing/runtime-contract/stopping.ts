import type { RgbImage } from "../../src/image.ts"
import type { RuntimeCase } from "./case.ts"
import { equal, loaded } from "./case.ts"
import { draw, picture, same, stars } from "./pictures.ts"
import { dataset, train, trainOptions } from "./trainings.ts"

/** Cases of signals and loops that are left. */
export const STOPPING: readonly RuntimeCase[] = [
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
]
