import { fileURLToPath } from "node:url"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { SDXL_LAYOUT } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { serializeSafetensors } from "@lllite/format/write"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { HOSTILE } from "./hostile.ts"
import { usePlayground } from "./playground.ts"

const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

/** The file of a new LLLite for one layer of SDXL. */
function sdxlLllite(): Buffer {
  const sites = enumerateSites(SDXL_LAYOUT).slice(0, 1)
  const { slots, values } = createLllite(sites, { condDim: 4, mlpDim: 4 }, createStream(1, "init"))
  const tensors = slots.map(({ key, fileShape, offset, size }) => {
    const bytes = new Uint8Array(values.slice(offset, offset + size).buffer)
    return [key, { dtype: "F32", shape: fileShape, bytes }] as const
  })
  return Buffer.from(serializeSafetensors(new Map(tensors)))
}

describe("opening files in the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, control, panel } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  it("accepts a picture that is dropped on the sheet, and never leaves the page for one", async () => {
    await open()
    const before = await control()
    const files = await page.evaluateHandle(async () => {
      const canvas = new OffscreenCanvas(40, 30)
      canvas.getContext("2d")?.fillRect(10, 10, 15, 10)
      const files = new DataTransfer()
      files.items.add(new File([await canvas.convertToBlob()], "box.png", { type: "image/png" }))
      return files
    })
    await page.getByRole("application").dispatchEvent("drop", { dataTransfer: files })
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>(".control canvas")?.toDataURL() !== before,
      before,
    )
    const isPrevented = await page.evaluate(
      (dataTransfer) =>
        ["dragover", "drop"].map(
          (type) =>
            !document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true })),
        ),
      files,
    )
    expect(isPrevented).toEqual([true, true])
  })

  /** Drops files of the page's own making somewhere on the page. */
  const drop = (names: readonly string[]): Promise<void> =>
    page.evaluate(async (names) => {
      const canvas = new OffscreenCanvas(64, 64)
      canvas.getContext("2d")?.fillRect(10, 10, 30, 40)
      const picture = await canvas.convertToBlob()
      const built = performance.getEntriesByType("resource").find(({ name }) => name.includes("lllite-canny"))
      const lllite = await (await fetch(built?.name ?? "")).blob()
      const dataTransfer = new DataTransfer()
      for (const name of names) {
        const content = name.endsWith(".png") ? picture : name.endsWith(".safetensors") ? lllite : "a blue ring"
        dataTransfer.items.add(new File([content], name, { type: name.endsWith(".png") ? "image/png" : "" }))
      }
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }))
    }, names)

  it("takes files anywhere on the page: weights, pictures for a training, and names the rest", async () => {
    await open()
    await ready()
    await page.getByRole("tab", { name: "Files" }).click()
    await drop(["mine.safetensors"])
    await page.getByRole("status").getByText("mine.safetensors is used as a control.").waitFor()
    const choice = panel("Draw").getByRole("combobox", { name: "LLLite" })
    expect(await choice.locator("option:checked").textContent()).toBe("mine.safetensors")

    const before = await control()
    await drop(["box.png", "what.zip"])
    await page.getByRole("status").getByText('"what.zip" is not used', { exact: false }).waitFor()
    expect(await control()).not.toBe(before)

    await drop(["a.png", "a.txt", "old.ckpt", "b.png"])
    const train = panel("Train")
    await page.getByRole("status").getByText('What the page found in "old.ckpt" stands under Files.').waitFor()
    await train.getByRole("img", { name: "b.png", exact: true }).waitFor()
    expect(await train.getByRole("textbox", { name: "Caption of a.png" }).inputValue()).toBe("a blue ring")
    expect(await train.getByRole("button", { name: /^Remove drawing/ }).count()).toBe(16)
    await train.getByRole("button", { name: "Remove all" }).click()
    // Another sentence does not end the offer.
    await drop(["what.zip"])
    await page.getByRole("button", { name: "Undo: 18 pairs removed." }).click()
    expect(await train.getByRole("textbox", { name: /^Caption of/ }).count()).toBe(18)
  })

  it("draws an SVG, whose scripts do not run, and says when one is broken", async () => {
    await open()
    const before = await control()
    const input = page.locator(".boards input[type=file]")
    const svg = (name: string, text: string) => ({ name, mimeType: "image/svg+xml", buffer: Buffer.from(text) })
    await input.setInputFiles(
      svg(
        "box.svg",
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" onload="pwned()"><script>pwned()</script><path d="M4 4h12v12H4z"/></svg>',
      ),
    )
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>(".control canvas")?.toDataURL() !== before,
      before,
    )
    const pixelAt = (x: number, y: number): Promise<readonly number[]> =>
      page.evaluate(
        ([x, y]) => {
          const canvas = document.querySelector<HTMLCanvasElement>(".sheet canvas")
          return [...(canvas?.getContext("2d")?.getImageData(x, y, 1, 1).data ?? [])]
        },
        [x, y] as const,
      )
    expect(await pixelAt(64, 64)).toEqual([0, 0, 0, 255])
    expect(await pixelAt(8, 8)).toEqual([255, 255, 255, 255])
    await input.setInputFiles(svg("broken.svg", "<svg"))
    await page.getByText('"broken.svg" is a broken SVG.', { exact: false }).waitFor()
  })

  it("takes a pasted picture as the drawing", async () => {
    await open()
    const before = await control()
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(64, 64)
      canvas.getContext("2d")?.fillRect(10, 10, 30, 40)
      const clipboardData = new DataTransfer()
      clipboardData.items.add(new File([await canvas.convertToBlob()], "image.png", { type: "image/png" }))
      document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }))
    })
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>(".control canvas")?.toDataURL() !== before,
      before,
    )
  })

  it("describes a file and its health, and uses it as a control", async () => {
    await open()
    await ready()
    await page.getByRole("tab", { name: "Files" }).click()
    const files = panel("Files")
    await files.getByRole("button", { name: "Look at the built-in LLLite" }).click()
    await page.locator(".identity").waitFor()
    expect(await files.locator(".file-name").textContent()).toBe("lllite-canny.safetensors")
    await files.getByLabel("Open a safetensors file").setInputFiles(LLLITE)
    await page.locator(".identity").waitFor()
    expect(await files.getByRole("rowheader", { name: /^(input|middle)/ }).count()).toBeGreaterThan(1)
    await files.getByRole("button", { name: "Use as control" }).click()
    const choice = panel("Draw").getByRole("combobox", { name: "LLLite" })
    await choice.waitFor()
    expect(await choice.locator("option:checked").textContent()).toBe("lllite-canny.safetensors")

    // One for the layers of SDXL needs another model, whose panel is one press away.
    await page.getByRole("tab", { name: "Files" }).click()
    const ofSdxl = { name: "of-sdxl.safetensors", mimeType: "application/octet-stream" }
    await files.getByLabel("Open a safetensors file").setInputFiles({ ...ofSdxl, buffer: sdxlLllite() })
    await files.getByText("It needs an SDXL checkpoint.", { exact: false }).waitFor()
    expect(await files.getByRole("button", { name: "Use as control" }).count()).toBe(0)
    await files.getByRole("button", { name: "Open another SDXL" }).click()
    await page.locator("#model-details").getByLabel("Open a checkpoint").waitFor()
  })

  it(`puts ${HOSTILE.length} hostile prompts, names and metadata into the page, and none runs`, async () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(50)
    await open()
    await page.getByRole("tab", { name: "Files" }).click()
    const input = panel("Files").getByLabel("Open a safetensors file")
    // The name of the file is hostile, too. Characters that no file name can have are only inside of the file.
    const fileName = (text: string): string => `${text.replaceAll(/[/\\\0]/g, "∕")}.safetensors`
    for (const text of HOSTILE) {
      const bytes = new Uint8Array(4)
      const contents = serializeSafetensors(
        new Map([[text, { dtype: "F32", shape: [1], bytes }]]),
        new Map([
          [text, text],
          ["modelspec.title", text],
        ]),
      )
      await input.setInputFiles({
        name: fileName(text),
        mimeType: "application/octet-stream",
        buffer: Buffer.from(contents),
      })
      await page.getByText("an unknown kind of file", { exact: false }).and(page.locator(".identity")).waitFor()
      await page.waitForFunction((name) => document.querySelector(".file-name")?.textContent === name, fileName(text))
      // The error quotes a broken file.
      await input.setInputFiles({ name: fileName(text), mimeType: "text/plain", buffer: Buffer.from(text.repeat(3)) })
      await page.locator(".files .problem").waitFor()
    }
    const elements = await page.evaluate(
      () => document.querySelectorAll("#app :is(script, iframe, object, embed, base, meta, link, img)").length,
    )
    expect(elements).toBe(0)

    await ready()
    await page.getByRole("tab", { name: "Draw" }).click()
    const draw = panel("Draw")
    await draw.getByRole("textbox", { name: "Steps" }).fill("1")
    await draw.getByRole("textbox", { name: "Prompt", exact: true }).fill(HOSTILE.slice(0, 12).join(" ").slice(0, 400))
    await draw.getByRole("button", { name: "Generate" }).click()
    await page.locator('.result[data-final="true"]').waitFor()
    for (const text of HOSTILE) await draw.getByRole("textbox", { name: "Prompt", exact: true }).fill(text)
  })
})
