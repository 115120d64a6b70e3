import type { RgbImage } from "../../src/image.ts"
import type { AdapterHandle, GeneratedDeltas } from "../../src/runtime/contract.ts"
import type { RuntimeCase } from "./case.ts"
import { loaded, refused } from "./case.ts"
import { draw, lines, picture, SIDE, same, stars } from "./pictures.ts"
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

  loaded("steers by curve, block, guidance, mask and picture", async ({ runtime, sdxl, subject, expect }) => {
    const adapter = await runtime.loadAdapter(subject.lllite, sdxl)
    const use = { adapter, control: lines() }
    const [plain] = await draw(sdxl, stars.slice(0, 1), picture)
    const withUse = async (changes: object): Promise<RgbImage | undefined> =>
      (await draw(sdxl, stars.slice(0, 1), { ...picture, adapters: [{ ...use, ...changes }] }))[0]
    const steered = await withUse({})
    const black = { width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3) }
    const off = [{ curve: [{ at: 0, strength: 0 }] }, { blocks: { "*": 0 } }, { cond: 0, uncond: 0 }, { mask: black }]
    for (const changes of off) {
      const [name] = Object.keys(changes)
      expect(same(plain, await withUse(changes)), `${name} of 0 changes something`)
    }
    const less = [
      { curve: [{ sigma: 1, strength: 0.5 }] },
      { blocks: { "input *": 0.2 } },
      { uncond: 0 },
      { mask: lines() },
    ]
    for (const changes of less) {
      const [name] = Object.keys(changes)
      const changed = await withUse(changes)
      expect(!same(plain, changed) && !same(steered, changed), `${name} has no effect`)
    }
    const strengths = [1, 0.5, 0.1]
    const each = await draw(sdxl, stars, { ...picture, batchSize: 2, adapters: [{ ...use, strength: strengths }] })
    const [last] = await draw(sdxl, stars.slice(2), { ...picture, adapters: [{ ...use, strength: 0.1 }] })
    expect(same(each[2], last), "the third picture has another strength")
    const wrong = { ...picture, adapters: [{ ...use, strength: strengths.slice(1) }] }
    await refused(expect, subject, () => draw(sdxl, stars, wrong), /2 strengths for 3 pictures/)
    await refused(expect, subject, () => withUse({ blocks: { "input 9": 1 } }), /blocks has "input 9"/)
  }),

  loaded(
    "measures where an adapter acted, before the pictures of a batch",
    async ({ runtime, sdxl, subject, expect }) => {
      const adapter = await runtime.loadAdapter(subject.lllite, sdxl)
      const adapters = [
        { adapter, control: lines() },
        { adapter, control: lines(40), strength: 0.5, end: 0.2 },
      ]
      const events: GeneratedDeltas[] = []
      const before = new Set<number>()
      const options = { ...picture, batchSize: 2, adapters, measureAdapters: true }
      for await (const event of sdxl.generate(stars, options)) {
        if (event.kind === "deltas") events.push(event)
        if (event.kind === "image" && events.some(({ first }) => first === 2 * Math.floor(event.index / 2))) {
          before.add(event.index)
        }
      }
      expect(events.length === 2 && before.size === 3, `${events.length} batches were measured, before ${[...before]}`)
      const batch = events.find(({ first }) => first === 0)?.steps ?? []
      expect(batch.map(({ step }) => step).join() === "1,2", `the steps are ${batch.map(({ step }) => step)}`)
      const [one, two] = batch.map((step) => step.adapters)
      expect(one?.[0]?.length === 2 && (one[0][0] ?? []).length > 0, "a picture of the batch was not measured")
      const values = one?.flat(2) ?? []
      expect(
        values.every(
          ({ block, layers, delta, relative }) =>
            /^(input|middle|output)/.test(block) && layers > 0 && delta > 0 && relative > 0,
        ),
        `a block has ${JSON.stringify(values)}`,
      )
      expect(two?.[1]?.flat().length === 0, "an adapter outside of its window was measured")
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
