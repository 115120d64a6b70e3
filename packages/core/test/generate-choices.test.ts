import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { weight as values } from "../reference/synthetic.ts"
import type { RgbImage } from "../src/image/index.ts"
import type { AdapterUse, GenerateOptions } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { LiveLora, LlliteParams, Sdxl } from "../src/models/index.ts"
import { disposeLllite, loadLiveLora } from "../src/models/index.ts"
import type { WeightEntry } from "../src/ops/index.ts"
import { actingLllite } from "./acting-lllite.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

/* What a generation takes from the checkpoint, from LoRAs and from the side of guidance. */

let sdxl: Sdxl
let lllite: LlliteParams
beforeAll(async () => {
  sdxl = await createSyntheticSdxl(await startWasm())
  lllite = actingLllite()
})
afterAll(() => {
  disposeLllite(lllite)
  sdxl.dispose()
})

async function draw(changes: Partial<GenerateOptions> = {}, model = sdxl) {
  const options: GenerateOptions = { width: 64, height: 64, steps: 1, guidanceScale: 1, ...changes }
  let picture: RgbImage = { width: 0, height: 0, data: new Uint8Array(0) }
  const sigmas: number[] = []
  for await (const event of generate(model, [{ prompt: "a red star", seed: 1 }], options)) {
    if (event.kind === "step") sigmas.push(event.sigma)
    if (event.kind === "image") picture = event.image
  }
  return { sigma: sigmas[0] ?? Number.NaN, data: picture.data }
}

function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length)
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? Number.NaN))))
}

it("begins at zero terminal SNR where the checkpoint or the caller says so, and the caller has the last word", async () => {
  const rescaled = { ...sdxl, prediction: "v" as const, zeroTerminalSnr: true }
  // The highest level of SDXL's schedule, and that of the rescaled one, whose last level is kept just above zero SNR.
  const [usual, highest] = [14.6146, 4096]
  expect((await draw()).sigma).toBeCloseTo(usual, 3)
  expect((await draw({}, rescaled)).sigma).toBeCloseTo(highest, -1)
  expect((await draw({ zeroTerminalSnr: true })).sigma).toBeCloseTo(highest, -1)
  expect((await draw({ zeroTerminalSnr: false }, rescaled)).sigma).toBeCloseTo(usual, 3)
})

describe("a LoRA", () => {
  const loras: LiveLora[] = []
  afterAll(() => {
    for (const lora of loras) lora.dispose()
  })

  /** A LoRA of one layer, which changes it much. */
  async function loraOf(module: string, inDim: number, outDim: number): Promise<LiveLora> {
    const shapes = { "lora_down.weight": [4, inDim], "lora_up.weight": [outDim, 4] }
    const entries = Object.entries(shapes).map(([end, shape]): [string, WeightEntry] => {
      const name = `${module}.${end}`
      const data = values(name, shape).map((value) => 8 * value)
      return [name, { name, dtype: "F32", shape, read: async () => new Uint8Array(data.buffer) }]
    })
    const configs = { unet: sdxl.unet.config, text1: sdxl.text1.config, text2: sdxl.text2.config }
    const lora = await loadLiveLora(sdxl.ops.load, { label: module, entries: new Map(entries) }, configs)
    loras.push(lora)
    return lora
  }

  it.each([
    ["a text encoder", "lora_te1_text_model_encoder_layers_0_self_attn_v_proj", 8, 8],
    ["the U-Net", "lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q", 128, 128],
  ])(
    "acts in %s alone where it has only such a layer, as much as its strength says",
    async (_, module, inDim, outDim) => {
      const lora = await loraOf(module, inDim, outDim)
      const [plain, none] = [await draw(), await draw({ loras: [{ lora, strength: 0 }] })]
      expect(apart(none.data, plain.data)).toBe(0)
      expect(apart((await draw({ loras: [{ lora }] })).data, plain.data)).toBeGreaterThan(0)
    },
  )
})

it("has the rows of the prompt where no guidance acts, also with guidance on another part of the schedule", async () => {
  const control = {
    ...{ width: 64, height: 64 },
    data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (7 * Math.floor(i / 24)) % 256),
  }
  const adapter = (settings: Partial<AdapterUse>) => ({ adapters: [{ lllite, control, ...settings }] })
  const outside = { guidanceScale: 4, guidanceWindow: { start: 0.999, end: 1 } }
  const plain = await draw()
  for (const settings of [{ uncond: 0 }, { cond: 0 }]) {
    const alone = await draw(adapter(settings))
    expect(apart((await draw({ ...outside, ...adapter(settings) })).data, alone.data)).toBeLessThanOrEqual(1)
    expect(apart(alone.data, plain.data) > 1).toBe("uncond" in settings)
  }
})
