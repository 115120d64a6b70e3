import type { RgbImage } from "../../src/image.ts"
import type { AdapterHandle } from "../../src/runtime/contract.ts"
import type { RuntimeCase } from "./case.ts"
import { loaded, refused } from "./case.ts"
import { draw, lines, picture, same, stars } from "./pictures.ts"
import { dataset, trainOptions } from "./trainings.ts"

/** Cases of LLLites that steer, also with a training's state. */
export const ADAPTERS: readonly RuntimeCase[] = [
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
]
