import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { deflateSync } from "node:zlib"
import { pngFile, pngRows } from "@lllite/core/image"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { type ApiNode, apiWorkflow, UI_SKETCH, uiWorkflow } from "../../../packages/core/test/workflow.ts"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

/** What ComfyUI writes into its pictures: what its server ran, and the graph of its page. */
function comfyText(prompt: Readonly<Record<string, ApiNode>>): ReadonlyMap<string, string> {
  return new Map([
    ["prompt", JSON.stringify(prompt)],
    ["workflow", JSON.stringify(uiWorkflow(UI_SKETCH))],
  ])
}

describe("pictures of other programs, dropped on the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, control, panel } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  /** Drops a file on the page, beside every field. */
  const drop = async (name: string, bytes: Uint8Array): Promise<void> => {
    await page.evaluate(
      ([name, text]) => {
        const dataTransfer = new DataTransfer()
        const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
        dataTransfer.items.add(new File([bytes], name, name.endsWith(".png") ? { type: "image/png" } : {}))
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }))
      },
      [name, Buffer.from(bytes).toString("base64")] as const,
    )
  }
  const dropPicture = (name: string, text: ReadonlyMap<string, string>): Promise<void> => {
    const image = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(200) }
    return drop(name, pngFile(image, deflateSync(pngRows(image)), text))
  }
  const said = async (start: RegExp): Promise<string> => {
    const line = page.getByRole("status").getByText(start)
    await line.waitFor()
    return (await line.textContent()) ?? ""
  }

  it("takes the settings and the control of a ComfyUI workflow, and names what it does not follow", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    await drop("canny.safetensors", await readFile(LLLITE))
    await said(/canny\.safetensors is used as a control/)
    const before = await control()
    const canny = { class_type: "Canny", inputs: { image: ["9", 0], low_threshold: 0.2, high_threshold: 0.4 } }
    await dropPicture(
      "ComfyUI_00001_.png",
      comfyText(apiWorkflow({ 20: canny, 10: { inputs: { cond_image: ["20", 0] } } })),
    )
    expect(await said(/^The settings of ComfyUI_00001_\.png are set\./)).toMatch(
      /Canny #20 blurs the picture.*“sdxl\.safetensors”\. Here the tiny SDXL draws\..*128 × 96 pixels/s,
    )
    const values = { Prompt: "a red star", Seed: "7", Steps: "4" }
    for (const [name, value] of Object.entries(values)) {
      expect(await draw.getByRole("textbox", { name, exact: true }).inputValue()).toBe(value)
    }
    expect(await draw.getByRole("combobox", { name: "LLLite" }).inputValue()).toBe("canny.safetensors")
    expect(await draw.getByRole("slider", { name: "Strength" }).inputValue()).toBe("0.8")
    await draw.getByText("canny 51 / 102, blurred 1, l2=true, flat").click()
    expect(await draw.getByRole("slider", { name: "Blur before" }).inputValue()).toBe("1")
    // The picture is on the sheet, as it has no drawing. It is one grey, without edges.
    expect(await control()).not.toBe(before)
    await page.getByRole("button", { name: /^Undo: / }).click()
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a green heart")
    expect(await control()).toBe(before)
  })

  it("names the nodes of a workflow that cannot be followed, and takes the picture as a drawing", async () => {
    await open()
    await ready()
    await full()
    const before = await control()
    const freeU = { class_type: "FreeU_V2", inputs: { model: ["10", 0], b1: 1.3, b2: 1.4, s1: 0.9, s2: 0.2 } }
    await dropPicture("freeu.png", comfyText(apiWorkflow({ 20: freeU, 3: { inputs: { model: ["20", 0] } } })))
    expect(await said(/^Its settings cannot be read\. freeu\.png/)).toContain(
      "FreeU_V2 #20 (it changes features of the U-Net). Bypass what the picture can do without",
    )
    expect(await control()).not.toBe(before)
    expect(await panel("Draw").getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a green heart")
  })

  it("takes the settings of stable-diffusion-webui, and names what it does not follow", async () => {
    await open()
    await ready()
    await full()
    const text =
      "a red star\nNegative prompt: blue\nSteps: 5, Sampler: Euler a, CFG scale: 2, Seed: 11, Size: 64x64, Model: other, Tiling: True"
    await dropPicture("webui.png", new Map([["parameters", text]]))
    expect(await said(/^The settings of webui\.png are set\./)).toMatch(
      /Tiling.*It was made with “other”\. Here the tiny SDXL draws\./s,
    )
    const draw = panel("Draw")
    const values = { Prompt: "a red star", Seed: "11", Steps: "5" }
    for (const [name, value] of Object.entries(values)) {
      expect(await draw.getByRole("textbox", { name, exact: true }).inputValue()).toBe(value)
    }
    await page.getByRole("button", { name: /^Undo: / }).click()
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a green heart")
  })
})
