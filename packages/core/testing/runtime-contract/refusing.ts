import type { RuntimeCase } from "./case.ts"
import { assertion, codeOf, loaded } from "./case.ts"
import { draw, picture, stars } from "./pictures.ts"
import { collect, dataset, train, trainOptions } from "./trainings.ts"

/** Cases of wrong files and options, and of a runtime that is disposed. */
export const REFUSING: readonly RuntimeCase[] = [
  loaded("refuses wrong files and options by class and code", async ({ runtime, sdxl, subject, expect }) => {
    const { CoreError, FormatError } = subject.classes
    const thrownBy = (work: () => Promise<unknown>): Promise<unknown> => errorOf(work())
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
      const validation = sdxl.validation(dataset(), { seed: 3 })
      const texts = { has: async () => false, read: async () => null, write: async () => {} }
      const cache = (): Promise<void> => collect(sdxl.cache({ ...dataset(), texts }, { seed: 1 }))
      const helper = sdxl.stepHelper()
      const paused = sdxl.generate(stars, { ...picture, steps: 400 })
      await paused.next()
      const running: Readonly<Record<string, Promise<unknown>>> = {
        generate: draw(sdxl, stars, { ...picture, steps: 400 }),
        train: train(sdxl, subject, { steps: 400 }),
        cache: cache(),
        losses: validation.losses(null),
        loadSdxl: runtime.loadSdxl(subject.checkpoint),
        loadAdapter: runtime.loadAdapter(subject.lllite, sdxl),
        memory: runtime.memory(),
      }
      const ended = Object.entries(running).map(async ([name, work]) => [name, await errorOf(work)] as const)
      await runtime.dispose()
      await runtime.dispose()
      const expect = assertion("refuses everything once it is disposed")
      const { CoreError } = subject.classes
      for (const [name, error] of await Promise.all(ended)) {
        const isLong = name === "generate" || name === "train"
        expect(error instanceof CoreError || (error === null && !isLong), `${name}, which was going on, gave ${error}`)
      }
      const late: readonly (() => Promise<unknown>)[] = [
        () => paused.next(),
        () => draw(sdxl, stars, picture),
        () => train(sdxl, subject),
        () => runtime.loadSdxl(subject.checkpoint),
        () => runtime.loadAdapter(subject.lllite, sdxl),
        cache,
        () => validation.losses(null),
        async () => sdxl.validation(dataset(), { seed: 3 }).losses(null),
        () => runtime.loadLora(subject.lllite, sdxl),
        () => runtime.loadControlNet(subject.lllite, sdxl),
        () => runtime.readTextualInversion(subject.lllite),
        () => runtime.memory(),
      ]
      for (const [i, work] of late.entries()) {
        const error = await errorOf(work())
        expect(error instanceof CoreError && /disposed/.test(error.message), `call ${i} after dispose(): ${error}`)
        expect(codeOf(error) === "disposed", `its code is ${codeOf(error)}`)
      }
      await validation.dispose()
      await helper.dispose()
      await sdxl.dispose()
      await adapter.dispose()
    },
  },
]

/** What a promise is rejected with. Null if it is kept. */
function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  )
}
