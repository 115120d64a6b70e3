import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { serializeSafetensors } from "@lllite/format/write"
import type { Page } from "playwright-core"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { controlNetBytes, TINY_CONTROL_NET } from "../../../packages/core/testing/controlnet-file.ts"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))
const TINY = fileURLToPath(new URL("../../../packages/tiny/model/tiny-sdxl.safetensors", import.meta.url))

/** A LoRA of the middle of a U-Net whose layers have this width there. */
function loraBytes(width: number): Uint8Array {
  const factor = (shape: readonly [number, number]) => {
    const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => Math.sin(i))
    return { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) } as const
  }
  const module = "lora_unet_middle_block_1_proj_in"
  return serializeSafetensors(
    new Map([
      [`${module}.lora_down.weight`, factor([2, width])],
      [`${module}.lora_up.weight`, factor([width, 2])],
    ]),
  )
}

describe("LoRAs, ControlNets and LLLites of the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel } = playground
  let page: Page
  let folder: string
  const file = (name: string): string => join(folder, `${name}.safetensors`)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-networks-"))
    await writeFile(file("ink"), loraBytes(128))
    await writeFile(file("wide"), loraBytes(132))
    await writeFile(file("net"), controlNetBytes({ name: "net", layout: TINY_CONTROL_NET }))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  beforeEach(() => {
    page = playground.page
  })

  const shown = (): Promise<string> =>
    page.evaluate(() => document.querySelector<HTMLCanvasElement>(".result canvas")?.toDataURL() ?? "")
  /** Makes the picture in two steps. */
  const made = async (): Promise<string> => {
    const draw = panel("Draw")
    await draw.getByRole("textbox", { name: "Steps" }).fill("2")
    const kept = draw.getByRole("button", { name: /^Show “/ })
    const count = await kept.count()
    await draw.getByRole("button", { name: "Generate" }).click()
    await kept.nth(count).waitFor()
    await full()
    return shown()
  }

  it("draws with a LoRA of a strength, keeps it over a reload, and refuses one for another model", async () => {
    await open()
    await ready()
    await full()
    await page.getByRole("checkbox", { name: /^Live/ }).uncheck()
    const draw = panel("Draw")
    const plain = await made()
    await draw.getByLabel("Open a LoRA").setInputFiles(file("wide"))
    await draw.getByText("the layer's weight is", { exact: false }).waitFor()
    await draw.getByLabel("Open a LoRA").setInputFiles(file("ink"))
    await page.getByRole("status").getByText("ink.safetensors is used as a LoRA.").waitFor()
    const lora = draw.getByRole("group", { name: "LoRA ink.safetensors" })
    const inked = await made()
    expect(inked).not.toBe(plain)
    await lora.getByRole("slider", { name: "Strength", exact: true }).fill("0")
    expect(await made()).toBe(plain)
    await lora.getByRole("slider", { name: "Strength", exact: true }).fill("1")
    // The form is kept a moment after a change.
    await page.waitForTimeout(1500)
    await page.reload()
    await ready()
    await lora.waitFor()
    expect(await made()).toBe(inked)
    await page.locator(".model-button").click()
    const details = page.locator("#model-details")
    await details.getByText("Kept in this browser", { exact: false }).waitFor()
    await details.getByRole("button", { name: "Remove ink.safetensors" }).click()
    expect(await lora.count()).toBe(0)
    // What is changed meanwhile stays. The panel of the model lies over the controls.
    await page.keyboard.press("Escape")
    await draw.getByRole("button", { name: "Add a control" }).click()
    await page.getByRole("button", { name: /^Undo: / }).click()
    expect(await lora.count()).toBe(1)
    expect(await draw.getByRole("group", { name: /^Control \d$/ }).count()).toBe(2)
    playground.forgetRequests()
  })

  it("follows a ControlNet beside the LLLite, and refuses a file that is neither", async () => {
    await open()
    await ready()
    await full()
    await page.getByRole("checkbox", { name: /^Live/ }).uncheck()
    const draw = panel("Draw")
    const without = await made()
    await draw.getByLabel("Open a file").setInputFiles(TINY)
    await draw.getByText("an SDXL checkpoint", { exact: false }).waitFor()
    await draw.getByRole("button", { name: "Add a control" }).click()
    await draw.getByLabel("Open a file").setInputFiles(file("net"))
    await page.getByRole("status").getByText("net.safetensors is used as a control.").waitFor()
    const first = draw.getByRole("group", { name: "Control 1", exact: true })
    expect(await first.getByRole("combobox", { name: "ControlNet" }).locator("option:checked").textContent()).toBe(
      "net.safetensors",
    )
    const both = await made()
    expect(both).not.toBe(without)
    await first.getByRole("slider", { name: "Strength", exact: true }).fill("0")
    expect(await made()).toBe(without)
  })

  it("keeps an LLLite from a file over a reload, for the control that follows it", async () => {
    await open()
    await ready()
    const draw = panel("Draw")
    await draw.getByLabel("Open a file").setInputFiles(LLLITE)
    await page.getByRole("status").getByText("lllite-canny.safetensors is used as a control.").waitFor()
    await page.waitForTimeout(1500)
    await page.reload()
    await ready()
    await full()
    const choice = draw.getByRole("combobox", { name: "LLLite" })
    expect(await choice.locator("option:checked").textContent()).toBe("lllite-canny.safetensors")
    expect(await choice.locator("option").allTextContents()).toEqual(["Canny, built in", "lllite-canny.safetensors"])
    playground.forgetRequests()
  })
})
