import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { serializeSafetensors } from "@lllite/format/write"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium, needsChromiumWebgpu } from "../../../packages/format/test/chromium.ts"
import { longOnly, needsAll } from "../../../packages/format/test/needs.ts"
import { serveFolders } from "../../../packages/runtime-web/test/browser.ts"
import { HOSTILE } from "./hostile.ts"
import { DIST, usePlayground } from "./playground.ts"

const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

describe("the playground in Chromium", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, panel, forgetRequests } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  it("generates by keyboard alone, with previews, and compares", async () => {
    await open()
    await ready()
    const steer = panel("Steer")
    // A wrong number of steps must be corrected first. No picture is made with another number.
    await steer.getByRole("textbox", { name: "Steps" }).fill("0")
    await steer.getByText("Expected a whole number from 1 to 1000.").waitFor()
    await steer.getByRole("textbox", { name: "Prompt" }).focus()
    await page.keyboard.press("Enter")
    expect(await steer.getByRole("textbox", { name: "Steps" }).evaluate((input) => input.matches(":focus"))).toBe(true)
    expect(await steer.getByRole("button", { name: "Stop" }).isDisabled()).toBe(true)
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("2")
    await page.keyboard.press("Enter")
    await page.locator('.result[data-final="false"]').waitFor()
    await page.locator('.result[data-final="true"]').waitFor()
    expect(await steer.getByRole("img", { name: /^Picture with/ }).count()).toBe(2)
    const slider = steer.getByRole("slider", { name: /How much of the picture/ })
    expect(await slider.getAttribute("aria-valuetext")).toBe("0 percent without, 100 percent with the LLLite")
    await slider.focus()
    await page.keyboard.press("End")
    expect(await slider.getAttribute("aria-valuetext")).toBe("100 percent without, 0 percent with the LLLite")
    // The two pictures, one over the other, differ.
    const hashes = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLCanvasElement>(".compare canvas")].map((canvas) => canvas.toDataURL()),
    )
    expect(new Set(hashes).size).toBe(2)
    // The saved picture says what it follows from.
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      steer.getByRole("button", { name: "Save picture" }).click(),
    ])
    const saved = (await readFile(await download.path())).toString("latin1")
    expect(saved).toContain("tEXtsteps\u00002")
    expect(saved).toMatch(/lllite-recipe.*"guidanceScale":1\.5/)
  })

  const edges = (): Promise<string> =>
    page.evaluate(() => document.querySelector<HTMLCanvasElement>(".card > canvas")?.toDataURL() ?? "")

  it("shows what every preprocessor makes of the drawing, and the drawing itself", async () => {
    await open()
    const kinds = page.getByLabel("Preprocessor")
    const names = await kinds.locator("option").allTextContents()
    expect(names.slice(0, 2)).toEqual(["canny", "scribble_xdog"])
    const seen = new Map<string, string>()
    for (const name of names) {
      await kinds.selectOption(name)
      seen.set(name, await edges())
    }
    // Both are the drawing: the rate of tiles is 1.
    expect(seen.get("none")).toBe(seen.get("tile_resample"))
    expect(new Set(seen.values()).size).toBeGreaterThan(10)
    await kinds.selectOption("canny")
    expect(await edges()).toBe(seen.get("canny"))
  })

  it("draws with the keys, and shows the edges at once", async () => {
    await open()
    await page.getByRole("button", { name: "Clear" }).click()
    const blank = await edges()
    await page.getByRole("application").focus()
    for (const key of [" ", ...Array<string>(8).fill("ArrowRight"), " "]) await page.keyboard.press(key)
    const drawn = await edges()
    expect(drawn).not.toBe(blank)
    await page.getByRole("button", { name: "Undo" }).click()
    expect(await edges()).toBe(blank)
    // The next undo brings back the example. Before the example there is nothing to undo.
    await page.getByRole("button", { name: "Undo" }).click()
    expect(await edges()).not.toBe(blank)
    expect(await page.getByRole("button", { name: "Undo" }).isDisabled()).toBe(true)
  })

  it("accepts a picture that is dropped on the sheet, and never leaves the page for one", async () => {
    await open()
    const before = await edges()
    const files = await page.evaluateHandle(async () => {
      const canvas = new OffscreenCanvas(40, 30)
      canvas.getContext("2d")?.fillRect(10, 10, 15, 10)
      const files = new DataTransfer()
      files.items.add(new File([await canvas.convertToBlob()], "box.png", { type: "image/png" }))
      return files
    })
    await page.getByRole("application").dispatchEvent("drop", { dataTransfer: files })
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>(".card > canvas")?.toDataURL() !== before,
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

  it("scrolls to the picture on a phone, and says that it was stopped", async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await open()
    await ready()
    const steer = panel("Steer")
    await steer.getByRole("textbox", { name: "Prompt" }).fill("a red ring")
    await page.evaluate(() => scrollTo({ top: 0, behavior: "instant" }))
    await page.keyboard.press("Enter")
    await page.locator('.result[data-final="false"]').waitFor()
    await page.waitForFunction(() => {
      const [picture, progress] = [".result canvas", ".output .progress"].map((name) =>
        document.querySelector(name)?.getBoundingClientRect(),
      )
      return picture && progress && picture.top >= 0 && progress.bottom <= innerHeight
    })
    await steer.getByRole("button", { name: "Stop" }).click()
    await steer.getByText("Stopped before the picture was finished.").waitFor()
    expect(await page.locator('.result[data-final="true"]').count()).toBe(0)
  })

  it("describes a file and its health, and steers with it", async () => {
    await open()
    await ready()
    await page.getByRole("tab", { name: "Inspect" }).click()
    const inspect = panel("Inspect")
    await inspect.getByRole("button", { name: "Look at the built-in LLLite" }).click()
    await page.locator(".identity").waitFor()
    expect(await inspect.locator(".file-name").textContent()).toBe("lllite-canny.safetensors")
    await inspect.getByLabel("Open a safetensors file").setInputFiles(LLLITE)
    await page.locator(".identity").waitFor()
    expect(await inspect.getByRole("rowheader", { name: /^(input|middle)/ }).count()).toBeGreaterThan(1)
    await inspect.getByRole("button", { name: "Steer with it" }).click()
    const choice = panel("Steer").getByRole("combobox", { name: "LLLite" })
    await choice.waitFor()
    expect(await choice.locator("option:checked").textContent()).toBe("lllite-canny.safetensors")
  })

  it(`puts ${HOSTILE.length} hostile prompts, names and metadata into the page, and none runs`, async () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(50)
    await open()
    await page.getByRole("tab", { name: "Inspect" }).click()
    const input = panel("Inspect").getByLabel("Open a safetensors file")
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
      await page.locator(".inspect .problem").waitFor()
    }
    const elements = await page.evaluate(
      () => document.querySelectorAll("#app :is(script, iframe, object, embed, base, meta, link, img)").length,
    )
    expect(elements).toBe(0)

    await ready()
    await page.getByRole("tab", { name: "Steer" }).click()
    const steer = panel("Steer")
    await steer.getByRole("textbox", { name: "Steps" }).fill("1")
    await steer.getByRole("checkbox", { name: /^Make it without/ }).uncheck()
    await steer.getByRole("textbox", { name: "Prompt" }).fill(HOSTILE.slice(0, 12).join(" ").slice(0, 400))
    await steer.getByRole("button", { name: "Generate" }).click()
    await page.locator('.result[data-final="true"]').waitFor()
    for (const text of HOSTILE) await steer.getByRole("textbox", { name: "Prompt" }).fill(text)
  })

  it("starts again after a reload during loading, generating and training", longOnly, async () => {
    await open()
    await page.reload()
    await ready()
    await panel("Steer").getByRole("button", { name: "Generate" }).click()
    await page.locator('.result[data-final="false"]').waitFor()
    await page.reload()
    await ready()
    await page.getByRole("tab", { name: "Train" }).click()
    await panel("Train").getByRole("button", { name: "Train" }).click()
    await page.getByText(/^Preparing pair/).waitFor()
    await page.reload()
    await ready()
    // A request that a reload has ended is not a failure of the page.
    forgetRequests()
  })

  it("fits on a narrow screen without scrolling sideways", async () => {
    await open()
    for (const name of ["Steer", "Train", "Inspect"] as const) {
      await page.getByRole("tab", { name }).click()
      if (name === "Inspect") {
        await panel(name).getByLabel("Open a safetensors file").setInputFiles(LLLITE)
        await page.locator(".identity").waitFor()
      }
      for (const width of [320, 700]) {
        await page.setViewportSize({ width, height: 740 })
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        expect(overflow, `${name} at ${width}`).toBeLessThanOrEqual(0)
      }
    }
  })

  it("moves between its tabs with the arrow keys", async () => {
    await open()
    await page.getByRole("tab", { name: "Steer" }).focus()
    await page.keyboard.press("ArrowLeft")
    expect(await page.getByRole("tab", { name: "Inspect" }).getAttribute("aria-selected")).toBe("true")
    await page.keyboard.press("ArrowRight")
    expect(await panel("Steer").isVisible()).toBe(true)
  })

  it("loads, generates and trains on WebGPU when it is named", needsAll(longOnly, needsChromiumWebgpu), async () => {
    await open("?backend=webgpu")
    await ready()
    expect(await page.locator(".status").getAttribute("data-backend")).toBe("webgpu")
    const steer = panel("Steer")
    await steer.getByRole("textbox", { name: "Steps" }).fill("1")
    await steer.getByRole("checkbox", { name: /^Make it without/ }).uncheck()
    await steer.getByRole("button", { name: "Generate" }).click()
    await page.locator('.result[data-final="true"]').waitFor()

    await page.getByRole("tab", { name: "Train" }).click()
    const train = panel("Train")
    for (let left = 16; left > 1; left--)
      await train
        .getByRole("button", { name: /^Remove drawing/ })
        .first()
        .click()
    await train.getByRole("textbox", { name: "Pairs in a step" }).fill("1")
    await train.getByRole("button", { name: "Train" }).click()
    await train.getByRole("img", { name: /^Loss over/ }).waitFor()
    await train.getByRole("button", { name: "Stop" }).click()
    await train.getByRole("button", { name: "Download it" }).waitFor()
  })

  it("says why the model could not be started, and offers another backend", async () => {
    let isThere = false
    const host = await serveFolders(
      { "/": DIST },
      {
        answer: (_, response, path) => {
          if (isThere || !path.includes("tiny-sdxl")) return false
          response.writeHead(404).end()
          return true
        },
      },
    )
    await page.goto(`${host.url}?backend=webgpu`)
    await page.getByRole("alert").waitFor()
    expect(await page.getByRole("alert").textContent()).toMatch(/could not be started: .*tiny-sdxl.* 404/)
    expect(await panel("Steer").getByRole("button", { name: "Generate" }).isDisabled()).toBe(true)
    isThere = true
    await page.getByRole("link", { name: "Use WebAssembly instead" }).click()
    await ready()
    expect(await page.locator(".status").getAttribute("data-backend")).toBe("wasm")
    forgetRequests()
    await host.close()
  })

  it("works when it is isolated from other pages", async () => {
    const isolated = await serveFolders(
      { "/": DIST },
      { headers: { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" } },
    )
    await page.goto(`${isolated.url}?backend=wasm`)
    await ready()
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    await isolated.close()
  })

  it("sends no request to another host", async () => {
    const asked: string[] = []
    page.on("request", (request) => asked.push(request.url()))
    await open()
    await ready()
    expect(asked.filter((url) => !url.startsWith(playground.url) && !url.startsWith("blob:"))).toEqual([])
    expect((await readFile(`${DIST}index.html`, "utf8")).match(/Content-Security-Policy/g)).toHaveLength(1)
  })
})
