import type { RuntimeCase } from "./case.ts"
import { assertion, codeOf, loaded } from "./case.ts"
import { draw, picture, stars } from "./pictures.ts"
import { collect, dataset, train, trainOptions } from "./trainings.ts"

/** Cases of wrong files and options, and of a runtime that is disposed. */
export const REFUSING: readonly RuntimeCase[] = [
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
