import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { deflateSync } from "node:zlib"
import { pngFile, pngRows } from "@lllite/core/image"
import { serializeSafetensors } from "@lllite/format/write"
import { readPngInfo } from "@lllite/runtime-web"
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
  const { open, ready, panel, forgetRequests, forgetProblems } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  /** The pixels of the picture of the first control. */
  const control = (): Promise<string> =>
    page.evaluate(() => document.querySelector<HTMLCanvasElement>(".control canvas")?.toDataURL() ?? "")
  /** A picture that was made as the settings say, and not while drawing. */
  const full = (): Promise<void> =>
    page.locator('.draw[data-phase="idle"] .result[data-final="true"][data-quality="full"]').waitFor()

  it("opens with a drawing of a heart, and draws a green one by itself", async () => {
    await open()
    await ready()
    await full()
    const share = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>(".result canvas")
      const data = canvas?.getContext("2d")?.getImageData(0, 0, 128, 128).data ?? []
      let green = 0
      for (let i = 0; i < data.length; i += 4) {
        if ((data[i + 1] ?? 0) > 100 && (data[i] ?? 255) < 100 && (data[i + 2] ?? 255) < 130) green++
      }
      return green / (128 * 128)
    })
    // The heart of the drawing covers about an eighth of the sheet.
    expect(share).toBeGreaterThan(0.06)
    expect(share).toBeLessThan(0.25)
  })

  it("generates by keyboard alone, and compares", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    // A wrong number of steps must be corrected first. No picture is made with another number.
    await draw.getByRole("textbox", { name: "Steps" }).fill("0")
    await draw.getByText("Expected a whole number from 1 to 1000.").waitFor()
    await draw.getByRole("textbox", { name: "Prompt", exact: true }).focus()
    await page.keyboard.press("Enter")
    expect(await draw.getByRole("textbox", { name: "Steps" }).evaluate((input) => input.matches(":focus"))).toBe(true)
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("2")
    await page.keyboard.press("Enter")
    await draw.getByText(/^seed 7 · 2 steps · /).waitFor()
    await full()
    await draw.getByRole("radio", { name: "With", exact: true }).focus()
    await page.keyboard.press("ArrowRight")
    expect(await draw.getByRole("img", { name: /^Picture with/ }).count()).toBe(2)
    const slider = draw.getByRole("slider", { name: /How much of the picture/ })
    expect(await slider.getAttribute("aria-valuetext")).toBe("50 percent without, 50 percent with control")
    await slider.focus()
    await page.keyboard.press("End")
    expect(await slider.getAttribute("aria-valuetext")).toBe("100 percent without, 0 percent with control")
    // The two pictures, one over the other, differ.
    const hashes = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLCanvasElement>(".compare canvas")].map((canvas) => canvas.toDataURL()),
    )
    expect(new Set(hashes).size).toBe(2)
    // The saved picture says what it follows from.
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      draw.getByRole("button", { name: "Save picture" }).click(),
    ])
    const saved = (await readFile(await download.path())).toString("latin1")
    expect(saved).toContain("tEXtsteps\u00002")
    expect(saved).toMatch(/lllite-recipe.*"guidanceScale":1\.5/)
  })

  it("turns Generate into Stop in its place, which keeps the focus, and stops by Escape", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    await draw.getByRole("textbox", { name: "Steps" }).fill("500")
    await draw.getByRole("button", { name: "Generate" }).focus()
    await page.keyboard.press("Enter")
    await draw.getByRole("button", { name: "Stop" }).waitFor()
    expect(await draw.getByRole("button", { name: "Stop" }).evaluate((button) => button.matches(":focus"))).toBe(true)
    await page.locator('.result[data-final="false"]').waitFor()
    await page.keyboard.press("Escape")
    await draw.getByText("Stopped before the picture was finished.").waitFor()
    expect(await draw.getByRole("button", { name: "Generate" }).evaluate((button) => button.matches(":focus"))).toBe(
      true,
    )
    expect(await page.locator('.result[data-final="true"]').count()).toBe(0)
  })

  it("shows what every preprocessor makes of the drawing, and the drawing itself", async () => {
    await open()
    await page.getByText("canny 100 / 200, flat").click()
    const kinds = page.getByLabel("Preprocessor")
    const names = await kinds
      .locator("option")
      .evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value))
    expect(names.slice(0, 2)).toEqual(["canny", "scribble_xdog"])
    const seen = new Map<string, string>()
    for (const name of names) {
      await kinds.selectOption(name)
      seen.set(name, await control())
    }
    // Both are the drawing: the rate of tiles is 1.
    expect(seen.get("none")).toBe(seen.get("tile_resample"))
    expect(new Set(seen.values()).size).toBeGreaterThan(10)
    await kinds.selectOption("canny")
    expect(await control()).toBe(seen.get("canny"))
    // Above every gradient there is no edge.
    await page.getByLabel("Edges start above").fill("1000")
    expect(await control()).not.toBe(seen.get("canny"))
  })

  it("draws with the keys, places shapes, and takes changes back and makes them again", async () => {
    await open()
    const [undo, redo] = ["Undo", "Redo"].map((name) => page.getByRole("button", { name, exact: true }))
    const heart = await control()
    await page.getByRole("button", { name: "Clear" }).click()
    const blank = await control()
    await page.getByRole("application").focus()
    for (const key of [" ", ...Array<string>(8).fill("ArrowRight"), " "]) await page.keyboard.press(key)
    const drawn = await control()
    expect(drawn).not.toBe(blank)
    await page.getByTitle("Shape: star").click()
    await page.getByRole("application").click({ position: { x: 90, y: 90 } })
    const starred = await control()
    expect(starred).not.toBe(drawn)
    for (const before of [drawn, blank, heart]) {
      await undo?.click()
      expect(await control()).toBe(before)
    }
    // Before the heart there is nothing to undo.
    expect(await undo?.isDisabled()).toBe(true)
    for (const after of [blank, drawn, starred]) {
      await redo?.click()
      expect(await control()).toBe(after)
    }
    expect(await redo?.isDisabled()).toBe(true)
  })

  it("makes a picture in four steps when the pen is lifted, and the one without control once", async () => {
    await open()
    await ready()
    await full()
    const sheet = page.getByRole("application")
    await sheet.click({ position: { x: 60, y: 60 } })
    const live = page.locator('.draw[data-phase="idle"] .result[data-final="true"][data-quality="live"]')
    await live.waitFor()
    await panel("Draw")
      .getByText(/^seed 7 · 4 steps · /)
      .waitFor()
    await panel("Draw").getByText("Without", { exact: true }).click()
    const first = await page.locator(".result canvas").elementHandle()
    await sheet.click({ position: { x: 200, y: 60 } })
    await page.waitForFunction(
      (first) => !document.contains(first) || document.querySelector('.draw[data-phase="idle"]') !== null,
      first,
    )
    // Without *Live*, nothing is made.
    await live.waitFor()
    await page.getByRole("checkbox", { name: /^Live/ }).uncheck()
    await sheet.click({ position: { x: 100, y: 200 } })
    expect(await page.locator(".draw").getAttribute("data-phase")).toBe("idle")
  })

  it("follows two controls at once, and brings a removed one back", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    await draw.getByRole("button", { name: "Add a control" }).click()
    const second = draw.getByRole("group", { name: "Control 2", exact: true })
    await second.getByLabel("Acts to").fill("0.5")
    await second.getByLabel("Strength").fill("0.4")
    await draw.getByRole("button", { name: "Generate" }).click()
    await full()
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      draw.getByRole("button", { name: "Save picture" }).click(),
    ])
    const info = await readPngInfo(new Blob([await readFile(await download.path())]))
    expect(JSON.parse(info?.text.get("lllite-recipe") ?? "").adapters).toMatchObject([
      { strength: 1, window: { start: 0, end: 1 }, file: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      { strength: 0.4, window: { start: 0, end: 0.5 } },
    ])
    await second.getByRole("button", { name: "Remove control 2" }).click()
    expect(await second.count()).toBe(0)
    await page.getByRole("status").getByText("Control 2 is removed.").waitFor()
    await page.locator(".status-line").getByRole("button", { name: "Undo" }).click()
    expect(await second.getByLabel("Strength").inputValue()).toBe("0.4")
  })

  it("offers words, underlines unknown ones, and has a sentence for an empty prompt and another language", async () => {
    await open()
    const draw = panel("Draw")
    const prompt = draw.getByRole("textbox", { name: "Prompt", exact: true })
    await prompt.fill("")
    await draw.getByText("Without a prompt the model draws what it likes.").waitFor()
    for (const word of ["small", "blue", "ring"]) await draw.getByRole("button", { name: `Add “${word}”` }).click()
    expect(await prompt.inputValue()).toBe("small blue ring")
    expect(await draw.locator(".prompt-hint").textContent()).toBe("")
    await prompt.fill("a blue cat")
    expect(await draw.locator(".prompt-marks u").allTextContents()).toEqual(["cat"])
    await draw.getByText("The tiny model does not know “cat”.").waitFor()
    await prompt.fill("青い輪 🐈")
    await draw.getByText("“青い輪”, “🐈”. It reads a few English words alone.", { exact: false }).waitFor()
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

    await drop(["a.png", "a.txt", "b.png"])
    const train = panel("Train")
    await train.getByRole("img", { name: "b.png", exact: true }).waitFor()
    expect(await train.getByRole("textbox", { name: "Caption of a.png" }).inputValue()).toBe("a blue ring")
    expect(await train.getByRole("button", { name: /^Remove drawing/ }).count()).toBe(16)
    await train.getByRole("button", { name: "Remove all" }).click()
    // Another sentence does not end the offer.
    await drop(["what.zip"])
    await page.locator(".status-line").getByRole("button", { name: "Undo: 18 pairs removed." }).click()
    expect(await train.getByRole("textbox", { name: /^Caption of/ }).count()).toBe(18)
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

  it("opens again without a network, and loads the model once", async () => {
    const host = await serveFolders({ "/some/folder/": DIST })
    await page.goto(`${host.url}some/folder/?backend=wasm`)
    await ready()
    await full()
    const worker = await readFile(`${DIST}service-worker.js`, "utf8")
    const files: readonly string[] = JSON.parse(/^const FILES = (\[.*?\]);/.exec(worker)?.[1] ?? "[]")
    // The page itself is kept, too.
    await page.waitForFunction(
      async (count) => (await (await caches.open("lllite-page")).keys()).length === count,
      files.length + 1,
    )
    expect(host.requests.filter(({ path }) => path.includes("tiny-sdxl"))).toHaveLength(1)
    await host.close()
    await page.reload()
    await ready()
    await full()
    await panel("Draw").getByRole("textbox", { name: "Prompt", exact: true }).fill("a red heart")
    await panel("Draw").getByRole("button", { name: "Generate" }).click()
    await panel("Draw").getByRole("button", { name: "Show “a red heart”, seed 7" }).waitFor()
    for (const name of ["Train", "Files"] as const) {
      await page.getByRole("tab", { name }).click()
      await panel(name).getByRole("heading").first().waitFor()
    }
    forgetRequests()
  })

  it("says what to do when it is opened from a disk", async () => {
    await page.goto(`file://${DIST}index.html`)
    expect(await page.getByText("Serve its folder", { exact: false }).isVisible()).toBe(true)
    forgetProblems()
  })

  it("makes pictures over strengths and seeds, and saves them as one", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    await draw.getByRole("textbox", { name: "Steps" }).fill("1")
    await draw.getByRole("button", { name: "Sweep" }).click()
    const dialog = page.getByRole("dialog", { name: "Strength and seed" })
    await dialog.getByLabel("Seeds").selectOption("2")
    await dialog.getByRole("button", { name: "Make the pictures" }).click()
    await dialog.getByRole("button", { name: "Show: Strength 1, seed 8" }).waitFor()
    await dialog.getByRole("button", { name: "Make the pictures" }).waitFor()
    expect(await dialog.getByRole("button", { name: /^Show: / }).count()).toBe(10)
    const pictures = await dialog
      .locator("canvas")
      .evaluateAll((canvases) => canvases.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()))
    expect(new Set(pictures).size).toBe(10)
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      dialog.getByRole("button", { name: "Save the grid" }).click(),
    ])
    expect(await readPngInfo(new Blob([await readFile(await download.path())]))).toMatchObject({
      width: 664,
      height: 268,
    })
    await dialog.getByRole("button", { name: "Show: Strength 0.5, seed 8" }).click()
    expect(await dialog.isVisible()).toBe(false)
    await draw.getByText(/^seed 8 · 1 steps · /).waitFor()
  })

  it("shows one board and a small one on a phone, with the prompt and the button always in reach", async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    const boxOf = (name: string): Promise<{ readonly width: number; readonly bottom: number; readonly top: number }> =>
      page.locator(name).evaluate((element) => element.getBoundingClientRect().toJSON())
    expect((await boxOf('[data-board="drawing"] .board-square')).width).toBeGreaterThan(300)
    expect((await boxOf('[data-board="picture"] .board-square')).width).toBeLessThan(150)
    await draw.getByRole("button", { name: "Show the picture large" }).click()
    expect((await boxOf('[data-board="picture"] .board-square')).width).toBeGreaterThan(300)
    await draw.getByRole("button", { name: "Show the drawing large" }).click()
    for (const top of [0, 10_000]) {
      await page.evaluate((top) => scrollTo({ top, behavior: "instant" }), top)
      expect((await boxOf(".generate")).bottom).toBeLessThanOrEqual(844)
    }
    const small = await page.evaluate(() =>
      [
        ...document.querySelectorAll<HTMLElement>(
          "#panel-draw :is(button, .tool, .button, select, summary), .top-bar button",
        ),
      ]
        .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 44)
        .map((element) => element.textContent),
    )
    expect(small).toEqual([])
  })

  it.each([
    [1280, 800],
    [1366, 768],
    [1920, 1080],
  ])("shows all of Draw at %d × %d without scrolling", async (width, height) => {
    await page.setViewportSize({ width, height })
    await open()
    await ready()
    await full()
    expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBeLessThanOrEqual(0)
    const boards = await page
      .locator(".board-square")
      .evaluateAll((squares) => squares.map((square) => square.getBoundingClientRect().width))
    expect(boards[0]).toBe(boards[1])
    expect(boards[0]).toBeGreaterThan(340)
  })

  it("keeps pictures, the form and the sheet over a reload, and brings a removed picture back", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    const prompt = draw.getByRole("textbox", { name: "Prompt", exact: true })
    const pictures = draw.getByRole("button", { name: /^Show “/ })
    await draw.getByText("Each picture that you generate stays here", { exact: false }).waitFor()
    await draw.getByRole("textbox", { name: "Steps" }).fill("2")
    await page.getByTitle("Shape: ring").click()
    await page.getByRole("application").click({ position: { x: 60, y: 60 } })
    for (const text of ["a red heart", "a blue heart"]) {
      await prompt.fill(text)
      await draw.getByRole("button", { name: "Generate" }).click()
      await draw.getByRole("button", { name: `Show “${text}”, seed 7` }).waitFor()
      await full()
    }
    const drawn = await control()
    await prompt.fill("a yellow star")
    await draw.getByText("Made with other settings").waitFor()
    // The form is kept a moment after a change.
    await page.waitForTimeout(1500)
    await page.reload()
    await ready()
    await pictures.first().waitFor()
    expect(await prompt.inputValue()).toBe("a yellow star")
    expect(await control()).toBe(drawn)
    expect(await pictures.evaluateAll((all) => all.map((one) => one.getAttribute("title")))).toEqual([
      "“a blue heart”, seed 7",
      "“a red heart”, seed 7",
    ])
    await pictures.last().click()
    await draw.getByRole("button", { name: "Use them" }).click()
    expect(await prompt.inputValue()).toBe("a red heart")
    await draw.getByRole("button", { name: "Remove the picture" }).click()
    expect(await pictures.count()).toBe(1)
    await page.locator(".status-line").getByRole("button", { name: "Undo" }).click()
    expect(await pictures.count()).toBe(2)
    forgetRequests()
  })

  it("sets everything that a saved picture was made with, and makes the same picture again", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    const prompt = draw.getByRole("textbox", { name: "Prompt", exact: true })
    await draw.getByRole("textbox", { name: "Steps" }).fill("3")
    await prompt.fill("a blue heart")
    await draw.getByRole("slider", { name: "Strength" }).fill("0.8")
    const shown = (): Promise<string> =>
      page.evaluate(() => document.querySelector<HTMLCanvasElement>(".result canvas")?.toDataURL() ?? "")
    const made = async (): Promise<string> => {
      await draw.getByRole("button", { name: "Generate" }).click()
      await draw.getByText(/^seed 7 · 3 steps · /).waitFor()
      await full()
      return shown()
    }
    const first = await made()
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      draw.getByRole("button", { name: "Save picture" }).click(),
    ])
    const drawn = await control()
    await draw.getByRole("button", { name: "Clear" }).click()
    await draw.getByRole("button", { name: "Reset" }).click()
    await prompt.fill("a red ring")
    await draw.getByRole("slider", { name: "Strength" }).fill("0")
    await page.locator(".boards input[type=file]").setInputFiles(await download.path())
    await page
      .getByRole("status")
      .getByText(/^The settings of .* are set\.$/)
      .waitFor()
    expect(await prompt.inputValue()).toBe("a blue heart")
    expect(await control()).toBe(drawn)
    expect(await draw.getByRole("slider", { name: "Strength" }).inputValue()).toBe("0.8")
    expect(await made()).toBe(first)
  })

  it("takes the settings of A1111's pictures, and names what it does not follow", async () => {
    await open()
    await ready()
    await full()
    const image = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(200) }
    const text = new Map([
      [
        "parameters",
        "a red star\nNegative prompt: blue\nSteps: 5, Sampler: Euler a, CFG scale: 2, Seed: 11, Size: 64x64, Model: other, Tiling: True",
      ],
    ])
    await page.locator(".boards input[type=file]").setInputFiles({
      ...{ name: "webui.png", mimeType: "image/png" },
      buffer: Buffer.from(pngFile(image, deflateSync(pngRows(image)), text)),
    })
    const said = page.getByRole("status").getByText(/^The settings of webui\.png are set\./)
    await said.waitFor()
    expect(await said.textContent()).toMatch(/Tiling.*It was made with “other”\. Here the tiny SDXL draws\./s)
    const draw = panel("Draw")
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a red star")
    expect(await draw.getByRole("textbox", { name: "Seed" }).inputValue()).toBe("11")
    await page.locator(".status-line").getByRole("button", { name: "Undo" }).click()
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a green heart")
  })

  it("opens a link with settings, and says when one is damaged", async () => {
    await open(
      `?backend=wasm#recipe=${btoa('{"prompt":"a red ring","seed":12,"width":128,"height":128,"model":{"checkpoint":{"path":"tiny"}}}')}`,
    )
    const draw = panel("Draw")
    await page.waitForFunction(() => location.hash === "")
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a red ring")
    expect(await draw.getByRole("textbox", { name: "Seed" }).inputValue()).toBe("12")
    await page.goto("about:blank")
    await open("?backend=wasm#recipe=eyJ")
    await page.getByRole("status").getByText("The settings of this link cannot be read").waitFor()
    // A request that leaving the page has ended is not a failure.
    forgetRequests()
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

  it("starts again after a reload during loading, generating and training", longOnly, async () => {
    await open()
    await page.reload()
    await ready()
    await panel("Draw").getByRole("button", { name: "Generate" }).click()
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
    for (const name of ["Draw", "Train", "Files"] as const) {
      await page.getByRole("tab", { name }).click()
      if (name === "Files") {
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
    await page.getByRole("tab", { name: "Draw" }).focus()
    await page.keyboard.press("ArrowLeft")
    expect(await page.getByRole("tab", { name: "Files" }).getAttribute("aria-selected")).toBe("true")
    await page.keyboard.press("ArrowRight")
    expect(await panel("Draw").isVisible()).toBe(true)
  })

  it("loads, generates and trains on WebGPU when it is named", needsAll(longOnly, needsChromiumWebgpu), async () => {
    await open("?backend=webgpu")
    await ready()
    expect(await page.locator(".model").getAttribute("data-backend")).toBe("webgpu")
    const draw = panel("Draw")
    await draw.getByRole("textbox", { name: "Steps" }).fill("1")
    await draw.getByRole("button", { name: "Generate" }).click()
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
    expect(await panel("Draw").getByRole("button", { name: "Generate" }).isDisabled()).toBe(true)
    isThere = true
    await page.getByRole("link", { name: "Use WebAssembly instead" }).click()
    await ready()
    expect(await page.locator(".model").getAttribute("data-backend")).toBe("wasm")
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
