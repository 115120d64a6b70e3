import { execFile } from "node:child_process"
import { copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { readPngInfo } from "@lllite/runtime-web"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

const CLI = fileURLToPath(new URL("../../cli/dist/main.js", import.meta.url))
const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

describe("drawing in the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, control, panel, forgetRequests } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

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
    // Escape closes what lies over the page, and the picture goes on.
    await page.locator(".model-button").click()
    await page.keyboard.press("Escape")
    await page.locator("#model-details").waitFor({ state: "hidden" })
    expect(await page.locator(".draw").getAttribute("data-phase")).toBe("running")
    await draw.getByRole("button", { name: "Stop" }).focus()
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
      const before = await control()
      await kinds.selectOption(name)
      // A worker makes the one that takes long.
      if (name === "thin") await expect.poll(control, { timeout: 60_000 }).not.toBe(before)
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

  it("blurs the drawing before it finds edges, and the copied command makes the same picture", async () => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"])
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    await draw.getByText("canny 100 / 200, flat").click()
    const sharp = await control()
    for (const [name, value] of [
      ["Edges continue above", "40"],
      ["Edges start above", "80"],
      ["Blur before", "2.5"],
    ] as const) {
      await draw.getByRole("slider", { name }).fill(value)
    }
    await draw.getByText("canny 40 / 80, blurred 2.5, flat").waitFor()
    const blurred = await control()
    expect(blurred).not.toBe(sharp)
    await draw.getByRole("textbox", { name: "Steps" }).fill("2")
    await draw.getByRole("button", { name: "Generate" }).click()
    await draw.getByText(/^seed 7 · 2 steps · /).waitFor()
    await full()
    const shown = await page.evaluate(() => document.querySelector<HTMLCanvasElement>(".result canvas")?.toDataURL())
    await draw.getByRole("button", { name: "Copy as" }).click()
    await page.getByRole("button", { name: /^Command/ }).click()
    await page.getByRole("status").getByText("Command").waitFor()
    const command = await page.evaluate(() => navigator.clipboard.readText())
    const folder = await mkdtemp(join(tmpdir(), "lllite-command-"))
    await draw.getByRole("button", { name: "Copy as" }).click()
    const [drawn] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: /^Drawing as/ }).click(),
    ])
    await drawn.saveAs(join(folder, "drawing.png"))
    await copyFile(LLLITE, join(folder, "lllite-canny.safetensors"))
    const run = `lllite() { "${process.execPath}" "${CLI}" "$@"; }\n${command} --backend wasm --outdir out`
    await promisify(execFile)("bash", ["-c", run], { cwd: folder })
    const [made = ""] = (await readdir(join(folder, "out"))).filter((name) => name.endsWith(".png"))
    const png = (await readFile(join(folder, "out", made))).toString("base64")
    const ofCommand = await page.evaluate(async (png) => {
      const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0))
      const bitmap = await createImageBitmap(new Blob([bytes]))
      const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height })
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0)
      return canvas.toDataURL()
    }, png)
    expect(ofCommand).toBe(shown)
    await rm(folder, { recursive: true, force: true })
    // The form is kept a moment after a change.
    await page.waitForTimeout(1500)
    await page.reload()
    await ready()
    await draw.getByText("canny 40 / 80, blurred 2.5, flat").waitFor()
    expect(await control()).toBe(blurred)
    forgetRequests()
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
    await live.waitFor()
    // A large one takes longer, and can be stopped.
    await panel("Draw").locator("summary", { hasText: "128 × 128 px" }).click()
    await panel("Draw").getByLabel("Size", { exact: true }).selectOption("512")
    await page.locator(".stop-live").click()
    await panel("Draw").getByText("Stopped before the picture was finished.").waitFor()
    await panel("Draw").getByLabel("Size", { exact: true }).selectOption("128")
    await live.waitFor()
    // Without *Live*, nothing is made.
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
    await second.getByRole("button", { name: "Remove control 2" }).focus()
    await page.keyboard.press("Enter")
    expect(await second.count()).toBe(0)
    // What is removed gives the focus to its neighbour.
    await draw.getByRole("combobox", { name: "LLLite" }).and(page.locator(":focus")).waitFor()
    await page.getByRole("status").getByText("Control 2 is removed.").waitFor()
    await page.getByRole("button", { name: /^Undo: / }).click()
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
    await draw.getByText(/^seed 8 · 1 step · /).waitFor()
    // What is shown of a sweep is kept, once.
    const kept = draw.getByRole("button", { name: /^Show “/ })
    await kept.waitFor()
    expect(await kept.getAttribute("title")).toBe("“a green heart”, seed 8")
    await draw.getByRole("button", { name: "Sweep" }).click()
    await dialog.getByRole("button", { name: "Show: Strength 0.5, seed 8" }).click()
    expect(await kept.count()).toBe(1)
    expect(await kept.getAttribute("aria-pressed")).toBe("true")
    await draw.getByRole("button", { name: "Use them" }).click()
    expect(await draw.getByRole("textbox", { name: "Seed" }).inputValue()).toBe("8")
    expect(await draw.getByRole("slider", { name: "Strength" }).inputValue()).toBe("0.5")
  })
})
