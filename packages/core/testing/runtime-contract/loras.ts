import { serializeSafetensors } from "@lllite/format/write"
import { signal } from "../../reference/synthetic.ts"
import type { RgbImage } from "../../src/image.ts"
import type { LoraHandleUse } from "../../src/runtime/contract.ts"
import type { RuntimeCase } from "./case.ts"
import { loaded, refused } from "./case.ts"
import { draw, picture, same, stars } from "./pictures.ts"

/** A LoRA for the middle of a U-Net, whose layers have this width there. */
function loraBytes(width: number, name: string, ending = ""): Uint8Array {
  const module = "lora_unet_middle_block_1_proj_in"
  const factor = (shape: readonly number[], key: string) => {
    const values = signal(`${name}/${key}`, shape)
    return { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) } as const
  }
  return serializeSafetensors(
    new Map([
      [`${module}.lora_down.weight`, factor([2, width], "down")],
      [`${module}.lora_up.weight`, factor([width, 2], "up")],
      ...(ending === "" ? [] : [[`${module}.${ending}`, factor([1, width], "scale")] as const]),
    ]),
  )
}

/** Cases of LoRAs that act beside the layers, and of textual inversions. */
export const LORAS: readonly RuntimeCase[] = [
  loaded("uses LoRAs by their handles, with their strengths, and leaves the weights as they are", async (context) => {
    const { runtime, sdxl, subject, expect } = context
    const width = sdxl.layout.modelChannels * sdxl.layout.channelMult[2]
    const load = async (name: string) => runtime.loadLora(await subject.file(loraBytes(width, name)), sdxl)
    const [ink, wash] = [await load("ink"), await load("wash")]
    expect(ink.notices.length === 0, `the handle of a plain file says ${ink.notices}`)
    const [plain] = await draw(sdxl, stars.slice(0, 1), picture)
    const withLoras = async (...loras: readonly LoraHandleUse[]) =>
      (await draw(sdxl, stars.slice(0, 1), { ...picture, loras }))[0]
    const inked = await withLoras({ lora: ink })
    expect(!same(plain, inked), "the LoRA changes nothing")
    expect(!same(inked, await withLoras({ lora: ink, strength: 0.5 })), "the strength has no effect")
    expect(!same(inked, await withLoras({ lora: ink }, { lora: wash })), "a second LoRA has no effect")
    expect(same(plain, await withLoras({ lora: ink, strength: 0 })), "strength 0 changes something")
    expect(same(plain, await withLoras({ lora: ink, blocks: { M00: 0 } })), "the weight of the block has no effect")
    expect(same(inked, await withLoras({ lora: ink })), "it acts differently in the second use")
    const [again]: readonly (RgbImage | undefined)[] = await draw(sdxl, stars.slice(0, 1), picture)
    expect(same(plain, again), "the weights were changed")
    await ink.dispose()
    await ink.dispose()
    await refused(expect, subject, () => withLoras({ lora: ink }), /a LoRA is not loaded in this runtime/)
    expect(!same(plain, await withLoras({ lora: wash })), "disposing one LoRA disposed the other")
  }),

  loaded("refuses a LoRA for another width, and uses a DoRA", async ({ runtime, sdxl, subject, expect }) => {
    const load = async (bytes: Uint8Array) => runtime.loadLora(await subject.file(bytes), sdxl)
    const width = sdxl.layout.modelChannels * sdxl.layout.channelMult[2]
    await refused(expect, subject, () => load(loraBytes(width + 4, "wide")), /the layer's weight is/)
    const drawWith = async (loras: readonly LoraHandleUse[]) =>
      (await draw(sdxl, stars.slice(0, 1), { ...picture, loras }))[0]
    const plain = await drawWith([{ lora: await load(loraBytes(width, "dora")) }])
    const dora = await drawWith([{ lora: await load(loraBytes(width, "dora", "dora_scale")) }])
    expect(!same(plain, dora), "the lengths of the DoRA have no effect")
  }),

  loaded("uses a LoHa and a LoKr, and refuses a method that adds nothing", async (context) => {
    const { runtime, sdxl, subject, expect } = context
    const width = sdxl.layout.modelChannels * sdxl.layout.channelMult[2]
    const file = async (...factors: readonly (readonly [key: string, shape: readonly number[]])[]) =>
      subject.file(
        serializeSafetensors(
          new Map(
            factors.map(([key, shape]) => {
              const values = signal(key, shape)
              const bytes = new Uint8Array(values.buffer)
              return [`lora_unet_middle_block_1_proj_in.${key}`, { dtype: "F32", shape, bytes } as const]
            }),
          ),
        ),
      )
    const pair = (name: string) =>
      [
        [`${name}_a`, [width, 2]],
        [`${name}_b`, [2, width]],
      ] as const
    const loha = await file(...pair("hada_w1"), ...pair("hada_w2"))
    const lokr = await file(["lokr_w1", [2, 2]], ["lokr_w2", [width / 2, width / 2]])
    const [plain] = await draw(sdxl, stars.slice(0, 1), picture)
    for (const source of [loha, lokr]) {
      const lora = await runtime.loadLora(source, sdxl)
      const [changed] = await draw(sdxl, stars.slice(0, 1), { ...picture, loras: [{ lora }] })
      expect(!same(plain, changed), "the file changes nothing")
      await lora.dispose()
    }
    const oft = await file(["oft_blocks", [2, 4, 4]])
    await refused(
      expect,
      subject,
      () => runtime.loadLora(oft, sdxl),
      /an adapter of OFT or IA3, which is not supported/,
    )
  }),

  loaded("reads a textual inversion as data, and refuses one for another width", async (context) => {
    const { runtime, sdxl, subject, expect } = context
    const vectors = (rows: number, width: number) =>
      ({ dtype: "F32", shape: [rows, width], bytes: new Uint8Array(4 * rows * width) }) as const
    const read = async (...entries: readonly (readonly [string, ReturnType<typeof vectors>])[]) =>
      runtime.readTextualInversion(await subject.file(serializeSafetensors(new Map(entries))), { name: "ink" })
    const ink = await read(["clip_l", vectors(2, 3)], ["clip_g", vectors(2, 5)])
    expect(ink.name === "ink" && ink.vectors === 2, `it is read as ${ink.name} with ${ink.vectors} vectors`)
    expect(ink.text1.length === 6 && ink.text2.length === 10, "its vectors have another size")
    const options = { ...picture, textualInversions: [ink] }
    await refused(expect, subject, () => draw(sdxl, stars.slice(0, 1), options), /"ink": its vectors are 3 and 5 wide/)
    const uneven = () => read(["clip_l", vectors(2, 3)], ["clip_g", vectors(1, 5)])
    await refused(expect, subject, uneven, /2 vectors for the first text encoder and 1 for the second/)
  }),
]
