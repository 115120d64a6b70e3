import type { RgbImage } from "../../src/image.ts"
import type { ControlNetHandleUse, GenerateRunOptions } from "../../src/runtime/contract.ts"
import { controlNetBytes, TINY_CONTROL_NET } from "../controlnet-file.ts"
import { loaded, type RuntimeCase, refused } from "./case.ts"
import { draw, lines, picture, SIDE, same, stars } from "./pictures.ts"

const one = stars.slice(0, 1)
/** Twice as wide as a tile. */
const wide = { ...picture, width: 2 * SIDE, steps: 1 } as const
const tiles = { size: SIDE, overlap: 16 } as const

/** The mean distance of the first columns of two pictures, in levels of 255. */
function leftApart(a: RgbImage | undefined, b: RgbImage | undefined, columns: number): number {
  if (a === undefined || b === undefined) return Number.NaN
  const apart = a.data.map((value, i) =>
    Math.floor(i / 3) % a.width < columns ? Math.abs(value - (b.data[i] ?? Number.NaN)) : 0,
  )
  return apart.reduce((sum, each) => sum + each, 0) / (3 * columns * a.height)
}

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

  loaded("gives each tile its part of a ControlNet's control", async ({ runtime, sdxl, subject, expect }) => {
    const file = await subject.file(controlNetBytes({ name: "edges", layout: TINY_CONTROL_NET }))
    const controlNet = await runtime.loadControlNet(file, sdxl)
    const { data } = lines()
    const rows = Array.from({ length: SIDE }, (_, y) => data.subarray(3 * SIDE * y, 3 * SIDE * (y + 1)))
    const wider = { ...wide, width: 4 * SIDE }
    /** Four squares. */
    const ended = (last: (row: Uint8Array) => Uint8Array): RgbImage => ({
      ...{ width: wider.width, height: SIDE },
      data: Uint8Array.from(rows.flatMap((row) => [...row, ...row, ...row, ...last(row)])),
    })
    const drawn = async (...controlNets: readonly ControlNetHandleUse[]) =>
      (await draw(sdxl, one, { ...wider, tiles, vaeTiles: tiles, controlNets }))[0]
    const plain = await drawn()
    const both = await drawn({ controlNet, control: ended((row) => row) })
    // A backend may keep a weight in a second layout from its first use on.
    const before = await runtime.memory()
    const left = await drawn({ controlNet, control: ended((row) => new Uint8Array(row.length)) })
    expect(!same(plain, both), "the control changes nothing")
    expect(!same(both, left), "the end of the control changes nothing")
    // No tile that sees the last square draws these columns. Tiles of the VAE share the statistics of their norms.
    const [own, foreign] = [leftApart(both, plain, SIDE), leftApart(both, left, SIDE)]
    expect(
      own > 0 && foreign < own / 8,
      `the first tile changes by ${own} with its control, by ${foreign} with another`,
    )
    expect((await runtime.memory()).tensors === before.tensors, "something stays on the device")
  }),

  loaded(
    "draws parts of both prompts, which may see a cut of the picture",
    async ({ runtime, sdxl, subject, expect }) => {
      const adapter = await runtime.loadAdapter(subject.lllite, sdxl)
      const [request = { prompt: "", seed: 0 }] = one
      const both = { ...request, prompt: `${request.prompt} AND a blue ring`, negativePrompt: "dark AND blurry" }
      const area = { left: 0.5, top: 0, width: 0.5, height: 1 }
      const drawn = async (options: Pick<GenerateRunOptions, "parts" | "negativeParts">) =>
        (
          await draw(sdxl, [both], {
            ...{ ...picture, guidanceScale: 4, adapters: [{ adapter, control: lines() }], ...options },
          })
        )[0]
      const whole = await drawn({ parts: [{}, { area }], negativeParts: [{}, { area }] })
      // A backend may keep a weight in a second layout from its first use on.
      const before = await runtime.memory()
      const cut = await drawn({ parts: [{}, { area, sees: "area" }], negativeParts: [{}, { area, sees: "area" }] })
      expect(!same(whole, cut), "what a part sees has no effect")
      const mixed = await drawn({
        parts: [{ mix: [{ text: "a green square", weight: 0.5 }], textWeight: 0.5 }, { area }],
      })
      expect(!same(whole, mixed), "averaged texts have no effect")
      expect((await runtime.memory()).tensors === before.tensors, "something stays on the device")
      const fewer = () => drawn({ negativeParts: [{}] })
      await refused(expect, subject, fewer, /negativeParts has 1 entries, and a negative prompt has 2 parts/)
    },
  ),

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
