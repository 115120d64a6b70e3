import * as tf from "@tensorflow/tfjs-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { weight as values } from "../reference/synthetic.ts"
import type { RgbImage } from "../src/image/index.ts"
import type { GenerateOptions, PictureRequest } from "../src/index.ts"
import { generate } from "../src/index.ts"
import { type LiveLora, loadLiveLora, type Sdxl } from "../src/models/index.ts"
import type { WeightEntry } from "../src/ops/index.ts"
import { createSyntheticSdxl } from "./synthetic-sdxl.ts"
import { startWasm } from "./wasm.ts"

let sdxl: Sdxl
const loras: LiveLora[] = []
beforeAll(async () => {
  sdxl = await createSyntheticSdxl(await startWasm())
  loras.push(await loraOf("a"), await loraOf("b"))
})
afterAll(() => {
  for (const lora of loras) lora.dispose()
  sdxl.dispose()
})

/** A LoRA of the middle's attentions, a convolution, an embedding and a layer of a text encoder. */
async function loraOf(label: string): Promise<LiveLora> {
  const middle = "lora_unet_middle_block_1_transformer_blocks_0"
  const modules = [
    ...["attn1_to_q", "attn2_to_q", "attn2_to_out_0"].map((name) => [`${middle}_${name}`, 128, 128] as const),
    ...["attn2_to_k", "attn2_to_v"].map((name) => [`${middle}_${name}`, 16, 128] as const),
    ["lora_unet_middle_block_0_emb_layers_1", 128, 128] as const,
    ["lora_te1_text_model_encoder_layers_0_self_attn_v_proj", 8, 8] as const,
  ]
  const entries = modules.flatMap(([module, inDim, outDim]) =>
    [[`${module}.lora_down.weight`, [4, inDim]] as const, [`${module}.lora_up.weight`, [outDim, 4]] as const].map(
      ([name, shape]): [string, WeightEntry] => {
        const data = values(`${label} ${name}`, shape).map((value) => 4 * value)
        return [name, { name, dtype: "F32", shape, read: async () => new Uint8Array(data.buffer) }]
      },
    ),
  )
  const configs = { unet: sdxl.unet.config, text1: sdxl.text1.config, text2: sdxl.text2.config }
  return loadLiveLora(sdxl.ops.load, { label, entries: new Map(entries) }, configs)
}

const SIDE = 64
/** White from a column to another. */
function columns(from: number, to: number): RgbImage {
  const data = new Uint8Array(SIDE * SIDE * 3)
  for (let i = 0; i < data.length; i++) {
    const column = Math.floor(i / 3) % SIDE
    data[i] = column >= from && column < to ? 255 : 0
  }
  return { width: SIDE, height: SIDE, data }
}
const ALL = columns(0, SIDE)
const LEFT = columns(0, SIDE / 2)
const RIGHT = columns(SIDE / 2, SIDE)
const NOWHERE = columns(0, 0)

async function draw(options: Partial<GenerateOptions>, ...prompts: readonly string[]): Promise<readonly Uint8Array[]> {
  const requests = prompts.map((prompt, i): PictureRequest => ({ prompt, negativePrompt: "blurry", seed: i }))
  const before = tf.memory().numTensors
  const images: Uint8Array[] = []
  const given = { width: SIDE, height: SIDE, steps: 2, guidanceScale: 4, ...options }
  for await (const event of generate(sdxl, requests, given)) {
    if (event.kind === "image") images.push(Uint8Array.from(event.image.data))
  }
  expect(tf.memory().numTensors).toBe(before)
  return images
}

/** The largest difference of two pictures, in 8-bit steps. */
function farthest(first: Uint8Array | undefined, second: Uint8Array | undefined): number {
  return (first as Uint8Array).reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (second?.[i] ?? Number.NaN))),
    0,
  )
}

describe("regions", () => {
  const a = () => ({ lora: loras[0] as LiveLora })
  const b = () => ({ lora: loras[1] as LiveLora })

  it("of a single part everywhere change nothing", async () => {
    const [plain] = await draw({}, "a cat")
    const [regional] = await draw({ regions: [ALL] }, "a cat")
    expect(farthest(plain, regional)).toBeLessThanOrEqual(1)
  })

  it("of two parts with one text change nothing, wherever they are", async () => {
    const [plain] = await draw({}, "a cat")
    const [regional] = await draw({ regions: [LEFT, RIGHT] }, "a cat AND a cat")
    expect(farthest(plain, regional)).toBeLessThanOrEqual(1)
  })

  it("give each part its place", async () => {
    const [first] = await draw({ regions: [LEFT, RIGHT] }, "a cat AND a red dog in snow")
    const [second] = await draw({ regions: [RIGHT, LEFT] }, "a cat AND a red dog in snow")
    expect(farthest(first, second)).toBeGreaterThan(1)
    // The pooled text is the last part's, which has no place of its own here.
    const [other] = await draw({ regions: [NOWHERE, ALL] }, "a cat AND a red dog in snow")
    const [changed] = await draw({ regions: [NOWHERE, ALL] }, "a ship AND a red dog in snow")
    expect(farthest(other, changed)).toBe(0)
  })

  it("let a LoRA act in its place alone", async () => {
    const prompt = "a cat AND a cat"
    const [plain] = await draw({ regions: [LEFT, RIGHT] }, prompt)
    const [left] = await draw({ regions: [LEFT, RIGHT], loras: [a()] }, prompt)
    const [nowhere] = await draw({ regions: [NOWHERE, ALL], loras: [a()] }, prompt)
    const [none] = await draw({ regions: [NOWHERE, ALL], loras: [{ ...a(), strength: 0 }] }, prompt)
    expect(farthest(plain, left)).toBeGreaterThan(1)
    // An embedding has no place, so that a share of its change stays.
    expect(farthest(nowhere, none)).toBeLessThan(farthest(plain, left))
  })

  it("do not mix LoRAs: each changes its own part's text", async () => {
    const prompt = "a cat AND a red dog in snow"
    const [ab] = await draw({ regions: [LEFT, RIGHT], loras: [a(), b()] }, prompt)
    const [ba] = await draw({ regions: [LEFT, RIGHT], loras: [b(), a()] }, prompt)
    const [more] = await draw({ regions: [LEFT], loras: [a(), b()] }, "a cat")
    expect(farthest(ab, ba)).toBeGreaterThan(1)
    expect(more).toBeDefined()
  })

  it("draw a picture in a batch as alone, also with fewer parts, and in tiles", async () => {
    const options = { regions: [LEFT, RIGHT], loras: [a(), b()] }
    const [first, second] = await draw(options, "a cat AND a dog", "a ship")
    const [alone] = await draw(options, "a cat AND a dog")
    expect(farthest(first, alone)).toBeLessThanOrEqual(1)
    expect(farthest(first, second)).toBeGreaterThan(1)
    const tiled = { ...options, width: 128, tiles: { size: 64, overlap: 32 } }
    const [wide] = await draw(tiled, "a cat AND a dog")
    const [swapped] = await draw({ ...tiled, regions: [RIGHT, LEFT] }, "a cat AND a dog")
    expect(farthest(wide, swapped)).toBeGreaterThan(1)
  })

  it("are refused where a part has none", async () => {
    await expect(draw({ regions: [ALL] }, "a AND b")).rejects.toThrow(
      "a prompt has 2 parts with AND and there are 1 regions",
    )
    await expect(draw({ regions: [] }, "a")).rejects.toThrow("regions is empty")
  })
})
