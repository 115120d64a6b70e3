import { loaded, type RuntimeCase, refused } from "./case.ts"
import { draw, lines, picture, SIDE, same, stars } from "./pictures.ts"

const one = stars.slice(0, 1)
/** Twice as wide as a tile. */
const wide = { ...picture, width: 2 * SIDE, steps: 1 } as const
const tiles = { size: SIDE, overlap: 16 } as const

/** Cases of pictures in tiles, and of features that are kept. */
export const TILES: readonly RuntimeCase[] = [
  loaded("draws a picture in tiles, each with its part of the control", async ({ runtime, sdxl, subject, expect }) => {
    const adapter = await runtime.loadAdapter(subject.lllite, sdxl)
    const { data } = lines()
    const control = { width: 2 * SIDE, height: SIDE, data: Uint8Array.from([...data, ...data]) }
    const before = await runtime.memory()
    const kinds: string[] = []
    for await (const event of sdxl.generate(one, { ...wide, tiles, vaeTiles: tiles })) {
      kinds.push(event.kind === "tile" ? `${event.tile}/${event.tiles}` : event.kind)
      if (event.kind === "image") expect(event.image.width === 2 * SIDE, `it is ${event.image.width} px wide`)
    }
    expect(kinds.join(" ") === "1/3 2/3 step image", `the events are ${kinds.join(" ")}`)
    const [plain] = await draw(sdxl, one, { ...wide, tiles })
    const [steered] = await draw(sdxl, one, { ...wide, tiles, adapters: [{ adapter, control, strength: 4 }] })
    expect(!same(plain, steered), "the control changes nothing")
    const [whole] = await draw(sdxl, one, { ...picture, tiles })
    expect(same(whole, (await draw(sdxl, one, picture))[0]), "a picture of one tile is another one")
    for await (const event of sdxl.generate(one, { ...wide, tiles })) if (event.kind === "tile") break
    expect((await runtime.memory()).tensors === before.tensors, "something stays on the device")
  }),

  loaded("refuses tiles that are wrong", async ({ sdxl, subject, expect }) => {
    const odd = { ...wide, tiles: { size: 65 } }
    await refused(expect, subject, () => draw(sdxl, one, odd), /tiles: size is 65, expected a multiple of 32/)
    const large = { ...wide, tiles: { size: 64, overlap: 40 } }
    await refused(expect, subject, () => draw(sdxl, one, large), /overlap is 40 and size 64/)
  }),

  loaded("keeps deep features between passes, which changes the picture", async ({ runtime, sdxl, expect }) => {
    const four = { ...picture, steps: 4 }
    const [plain] = await draw(sdxl, one, four)
    const before = await runtime.memory()
    expect(same(plain, (await draw(sdxl, one, { ...four, deepCache: { interval: 1 } }))[0]), "interval 1 changes it")
    expect(!same(plain, (await draw(sdxl, one, { ...four, deepCache: { interval: 2 } }))[0]), "interval 2 does not")
    expect((await runtime.memory()).tensors === before.tensors, "something stays on the device")
  }),
]
