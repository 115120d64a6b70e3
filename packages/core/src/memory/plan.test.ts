import { SDXL_LAYOUT, type Site } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { describe, expect, it } from "vitest"
import { startWasm } from "../../test/wasm.ts"
import type { Footprint, MemoryTask } from "./plan.ts"
import { planMemory } from "./plan.ts"
import { sdxlOutline } from "./sdxl-outline.ts"

const GIB = 2 ** 30
/** As a graphics card does it. */
const CARD: Footprint = { weightBytes: () => 2, pooled: true }
const task = { width: 1024, height: 1024, lllite: { condDim: 32, mlpDim: 64 }, vaeSlices: 32 } as const

const plan = async (more: Pick<MemoryTask, "kind"> & Partial<MemoryTask>, footprint = CARD) => {
  // This also registers the gradients of TensorFlow.js.
  await startWasm()
  return planMemory(await sdxlOutline("F16"), { ...task, ...more }, footprint)
}

describe("planMemory", () => {
  it("fits SDXL's usual picture into 7.5 GiB, weights of 16 bits and a guided batch included", async () => {
    const { weights, weightBytes, phases, peakBytes } = await plan({ kind: "generate" })
    // 2,567,463,684 values, biases and norms among them in float32.
    expect(weights.unet / (2 * 2_567_463_684) - 1).toBeLessThan(1e-3)
    expect(weights.unet).toBeGreaterThan(2 * 2_567_463_684)
    expect(phases.map(({ name }) => name)).toEqual(["text and control", "U-Net", "VAE"])
    expect(peakBytes).toBe(Math.max(...phases.map(({ peakBytes }) => peakBytes)))
    expect(peakBytes).toBeGreaterThan(weightBytes)
    expect(peakBytes).toBeLessThan(7.5 * GIB)
  })

  it("counts the weights of ControlNets, and what they hold beside the U-Net", async () => {
    const [without, one] = [await plan({ kind: "generate" }), await plan({ kind: "generate", controlNets: 1 })]
    const bytes = one.weights.controlNets
    // Values have 16 bits, except for biases and norms.
    expect(without.weights.controlNets).toBe(0)
    expect(bytes / 2 ** 30).toBeGreaterThan(2.3)
    expect(bytes / 2 ** 30).toBeLessThan(2.4)
    expect(one.weightBytes).toBe(without.weightBytes + bytes)
    expect(one.peakBytes).toBeGreaterThanOrEqual(without.peakBytes + bytes)
    expect(one.peakBytes).toBeLessThan(without.peakBytes + bytes + GIB)
  })

  it("fits its training into 12 GiB, and says what holding all activations takes", async () => {
    const { phases, peakBytes } = await plan({ kind: "train" })
    expect(phases.map(({ name }) => name)).toEqual(["text", "VAE", "training step"])
    expect(peakBytes).toBeLessThan(12 * GIB)
    expect((await plan({ kind: "train", checkpointing: false })).peakBytes).toBeGreaterThan(2 * peakBytes)
  })

  it("counts the U-Net's values in float16, where the device stores them so: a picture fits into 7 GiB, and a step into 9", async () => {
    const halved = { ...CARD, stacks: true, halves: true }
    const peaks = async (
      kind: "generate" | "train",
      footprint: Footprint,
    ): Promise<Readonly<Record<string, number>>> => {
      const { phases, weightBytes } = await plan({ kind }, footprint)
      return Object.fromEntries(phases.map(({ name, peakBytes }) => [name, peakBytes - weightBytes]))
    }
    const [wide, narrow] = [await peaks("generate", { ...CARD, stacks: true }), await peaks("generate", halved)]
    expect((narrow["U-Net"] ?? 0) / (wide["U-Net"] ?? 0)).toBeLessThan(0.6)
    expect((narrow["U-Net"] ?? 0) / (wide["U-Net"] ?? 0)).toBeGreaterThan(0.5)
    // The text encoders and the VAE stay float32.
    expect(narrow["text and control"]).toBe(wide["text and control"])
    expect((await plan({ kind: "generate" }, halved)).peakBytes).toBeLessThan(7 * GIB)
    expect((await plan({ kind: "train" }, halved)).peakBytes).toBeLessThan(9 * GIB)
  })

  it("refuses sites that the U-Net does not have", async () => {
    const [site] = enumerateSites(SDXL_LAYOUT)
    const other = { ...site, inDim: 7 } as Site
    await expect(plan({ kind: "train", sites: [other] })).rejects.toThrow(
      /^memory: a site is .*as enumerateSites gives/,
    )
  })

  it("splits layers for a device that takes no large tensors", async () => {
    const limited = await plan({ kind: "generate" }, { ...CARD, maxTensorBytes: GIB / 8 })
    expect(limited.largestTensorBytes).toBeLessThanOrEqual(GIB / 8)
    expect((await plan({ kind: "generate" })).largestTensorBytes).toBeGreaterThan(GIB / 8)
  })

  it("counts the arithmetic of the U-Net", async () => {
    const { phases } = await plan({ kind: "generate", guided: false, lllite: null, width: 512, height: 512 })
    const unet = phases.find(({ name }) => name === "U-Net")
    const flops = (kind: string): number => (unet?.work.get(kind)?.flops ?? 0) / (unet?.runs ?? 0)
    // The text's keys and values at 70 attentions, which all runs but the first read again.
    const textKeys = 4 * 77 * 2048 * (10 * 640 + 60 * 1280)
    const { runs = 1 } = unet ?? {}
    // As PyTorch's FlopCounterMode counts diffusers' UNet2DConditionModel with SDXL's configuration.
    expect(flops("linear")).toBe(831_360_860_160 + 296_589_721_600 - (textKeys * (runs - 1)) / runs)
    expect(flops("conv2d")).toBe(405_777_940_480)
    expect(flops("attention")).toBe(55_050_240_000)
  })
})

it.each(["nonsense", 7, undefined, "toString"])("SDXL has no outline in %s", async (dtype) => {
  await expect(sdxlOutline(dtype as "F16")).rejects.toThrow(/^SDXL: dtype is .*, expected one of a file/)
})
