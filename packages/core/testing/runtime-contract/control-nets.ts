import type { RgbImage } from "../../src/image.ts"
import type { ControlNetHandleUse } from "../../src/runtime/contract.ts"
import { controlNetBytes, TINY_CONTROL_NET } from "../controlnet-file.ts"
import type { RuntimeCase } from "./case.ts"
import { codeOf, loaded, refused } from "./case.ts"
import { draw, lines, picture, same, stars } from "./pictures.ts"

const control = lines()

/** White in the left half. */
function halfMask({ width, height }: RgbImage): RgbImage {
  return {
    width,
    height,
    data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (Math.floor(i / 3) % width < width / 2 ? 255 : 0)),
  }
}

/** Cases of ControlNets. */
export const CONTROL_NETS: readonly RuntimeCase[] = [
  loaded("uses ControlNets by their handles, with their settings", async ({ runtime, sdxl, subject, expect }) => {
    const load = async (name: string, names: "diffusers" | "original") =>
      runtime.loadControlNet(await subject.file(controlNetBytes({ name, names, layout: TINY_CONTROL_NET })), sdxl)
    const [edges, depth] = [await load("edges", "diffusers"), await load("depth", "original")]
    expect(edges.notices.length === 0, `the handle of a plain file says ${edges.notices}`)
    const [plain] = await draw(sdxl, stars.slice(0, 1), picture)
    const withNets = async (...controlNets: readonly ControlNetHandleUse[]) =>
      (await draw(sdxl, stars.slice(0, 1), { ...picture, controlNets }))[0]
    const full = await withNets({ controlNet: edges, control })
    expect(!same(plain, full), "the ControlNet changes nothing")
    const changes: readonly [string, Partial<ControlNetHandleUse>][] = [
      ["the strength", { strength: 0.5 }],
      ["the window", { end: 0.5 }],
      ["guess mode", { guessMode: true }],
      ["a side of guidance", { uncond: 0 }],
      ["the mask", { mask: halfMask(control) }],
      ["the control", { control: { ...control, data: control.data.map((value) => 255 - value) } }],
    ]
    for (const [what, change] of changes) {
      expect(!same(full, await withNets({ controlNet: edges, control, ...change })), `${what} has no effect`)
    }
    const both = await withNets({ controlNet: edges, control }, { controlNet: depth, control })
    expect(!same(full, both), "a second ControlNet has no effect")
    expect(same(plain, await withNets({ controlNet: edges, control, strength: 0 })), "strength 0 changes something")
    const black = { ...control, data: new Uint8Array(control.data.length) }
    expect(same(plain, await withNets({ controlNet: edges, control, mask: black })), "it acts under a black mask")
    expect(same(full, await withNets({ controlNet: edges, control })), "it acts differently in the second use")
    await edges.dispose()
    await edges.dispose()
    await refused(expect, subject, () => withNets({ controlNet: edges, control }), /a ControlNet is not loaded/)
    expect(!same(plain, await withNets({ controlNet: depth, control })), "disposing one disposed the other")
  }),

  loaded("gives each picture of a batch its own control", async ({ runtime, sdxl, subject, expect }) => {
    const file = await subject.file(controlNetBytes({ name: "edges", layout: TINY_CONTROL_NET }))
    const controlNet = await runtime.loadControlNet(file, sdxl)
    const other: RgbImage = { ...control, data: control.data.map((value) => 255 - value) }
    const controls = [control, other]
    const requests = stars.slice(0, 2)
    for (const guessMode of [false, true]) {
      const together = await draw(sdxl, requests, {
        ...picture,
        controlNets: [{ controlNet, control: controls, guessMode }],
      })
      for (const [i, request] of requests.entries()) {
        const use = { controlNet, control: controls[i] ?? control, guessMode }
        const [alone] = await draw(sdxl, [request], { ...picture, controlNets: [use] })
        expect(same(together[i], alone), `picture ${i} differs from the same alone, guess mode ${guessMode}`)
      }
    }
  }),

  loaded("uses a ControlNet Union with the types of its controls", async ({ runtime, sdxl, subject, expect }) => {
    const union = { types: 6, width: 64, blocks: 1 }
    const load = async (names: "diffusers" | "original") =>
      runtime.loadControlNet(
        await subject.file(controlNetBytes({ name: "union", names, layout: TINY_CONTROL_NET, union })),
        sdxl,
      )
    const [controlNet, original] = [await load("diffusers"), await load("original")]
    const requests = stars.slice(0, 2)
    const drawn = (...uses: readonly Partial<ControlNetHandleUse>[]) =>
      draw(sdxl, requests, { ...picture, controlNets: uses.map((use) => ({ controlNet, control, ...use })) })
    const depth = await drawn({ controlType: "depth" })
    const [alone] = await draw(sdxl, requests.slice(1), {
      ...picture,
      controlNets: [{ controlNet, control, controlType: "depth" }],
    })
    expect(same(depth[1], alone), "the second picture differs from the same alone")
    const canny = await drawn({ controlType: "canny" })
    expect(!same(depth[0], canny[0]), "the control type has no effect")
    expect(same(canny[0], (await drawn({ controlType: "lineart" }))[0]), "canny and lineart are one type")
    const both = await drawn({ controlType: "canny" }, { controlType: "depth" })
    expect(!same(both[0], canny[0]), "a second control has no effect")
    const renamed = await drawn({ controlNet: original, controlType: "depth" })
    expect(same(depth[0], renamed[0]), "the same file in the original layout differs")
    await refused(expect, subject, () => drawn({}), /ControlNet Union needs the type of its control.*openpose, depth/)
    await refused(expect, subject, () => drawn({ controlType: "tile" }), /has 6 control types, and "tile" is not/)
  }),

  loaded("refuses a ControlNet that does not fit, by what it is", async ({ runtime, sdxl, subject, expect }) => {
    const load = async (layout: typeof TINY_CONTROL_NET) =>
      runtime.loadControlNet(await subject.file(controlNetBytes({ name: "edges", layout })), sdxl)
    const { unet, widths } = TINY_CONTROL_NET
    const wide = { ...TINY_CONTROL_NET, unet: { ...unet, modelChannels: 96 } }
    await refused(expect, subject, () => load(wide), /has levels of 96, 96, 192, and the SDXL 64, 64, 128/)
    const sd1 = { ...TINY_CONTROL_NET, widths: { ...widths, contextDim: 768 } }
    const error = await load(sd1).catch((error: unknown) => error)
    expect(codeOf(error) === "wrong-kind", `expected wrong-kind, got ${error}`)
    const { memory } = runtime
    const before = await memory()
    await load(wide).catch(() => {})
    expect((await memory()).tensors === before.tensors, "a refused ControlNet left tensors on the device")
  }),
]
