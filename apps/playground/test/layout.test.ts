import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))
const BOX = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><path d="M4 4h12v12H4z"/></svg>'

describe("the layout of the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
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
    // A word that fits on no line makes the page no wider.
    await draw
      .getByRole("textbox", { name: "Prompt", exact: true })
      .fill("Donaudampfschifffahrtsgesellschaft".repeat(3))
    await draw.getByText("The tiny model does not know “Donau", { exact: false }).waitFor()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    for (const top of [0, 10_000]) {
      await page.evaluate((top) => scrollTo({ top, behavior: "instant" }), top)
      expect((await boxOf(".generate")).bottom).toBeLessThanOrEqual(844)
    }
    expect(await draw.getByText(/^seed 7 · 8 steps · /).count()).toBe(1)
    for (const name of ["Draw", "Train", "Files"] as const) {
      await page.getByRole("tab", { name }).click()
      if (name === "Draw") {
        await draw.getByRole("button", { name: "Add a control" }).click()
        await page.locator("main details").evaluateAll((all) => {
          for (const one of all) (one as HTMLDetailsElement).open = true
        })
      }
      if (name === "Train") await panel(name).getByRole("button", { name: "Remove drawing 1", exact: true }).waitFor()
      if (name === "Files") {
        await panel(name).getByLabel("Open a safetensors file").setInputFiles(LLLITE)
        await page.locator(".identity").waitFor()
      }
      const small = await page.evaluate(() =>
        [
          ...document.querySelectorAll<HTMLElement>(
            `main :is(button, .tool, .button, select, summary, .segments span, input[type="text"], input[type="range"]),
            .top-bar button`,
          ),
        ]
          .filter((element) => {
            const { width, height } = element.getBoundingClientRect()
            return element.checkVisibility() && Math.min(width, height) < 44
          })
          .map((element) => element.getAttribute("aria-label") ?? element.textContent),
      )
      expect(small, name).toEqual([])
    }
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
    // With all settings open, too: they scroll beside the boards.
    await page.locator("main .rail details").evaluateAll((all) => {
      for (const one of all) (one as HTMLDetailsElement).open = true
    })
    expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBeLessThanOrEqual(0)
    // A kept picture can be removed, too. The buttons below it stay in one row.
    await panel("Draw").getByRole("textbox", { name: "Steps" }).fill("1")
    await panel("Draw").getByRole("button", { name: "Generate" }).click()
    await panel("Draw").getByRole("button", { name: "Remove the picture" }).waitFor()
    const heightOf = async (name: string): Promise<number> => (await page.locator(name).boundingBox())?.height ?? 0
    expect(await heightOf(".result-tools")).toBeLessThan(1.5 * (await heightOf(".result-tools > button.tool")))
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

  it("begins each line of a caption with a part of it, and a button below a text where the text begins", async () => {
    await page.setViewportSize({ width: 1000, height: 700 })
    await open()
    await ready()
    await full()
    const lines = await panel("Draw").locator(".board-caption").evaluate(seenLines)
    expect(lines.length).toBeGreaterThan(1)
    for (const { text } of lines) expect(text).toMatch(/^[^·].*[^·]$/)
    const [source, button] = await panel("Draw").locator(".control-source").evaluate(seenLines)
    expect([source?.text, button?.text]).toEqual(["follows the drawing", "Another picture"])
    expect(button?.left).toBeCloseTo(source?.left ?? 0, 0)
  })

  it("stands a dialogue in the middle, and inputs of one row at one height below labels of any length", async () => {
    await page.setViewportSize({ width: 1280, height: 800 })
    await open()
    await ready()
    const picture = { name: "box.svg", mimeType: "image/svg+xml", buffer: Buffer.from(BOX) }
    await panel("Draw").getByLabel("From a file").last().setInputFiles(picture)
    await panel("Draw").getByRole("button", { name: "Paint a mask" }).click()
    const box = await page.getByRole("dialog", { name: "What changes" }).boundingBox()
    expect(2 * (box?.y ?? 0) + (box?.height ?? 0)).toBeCloseTo(800, -1)
    await page.keyboard.press("Escape")
    await page.getByRole("tab", { name: "Train" }).click()
    await page.setViewportSize({ width: 390, height: 844 })
    const [wide, narrow] = ["Steps of the fall at the end", "Cycles"].map((name) =>
      panel("Train").getByRole("textbox", { name }),
    )
    expect((await wide?.boundingBox())?.y).toBe((await narrow?.boundingBox())?.y)
  })

  it("moves between its tabs with the arrow keys", async () => {
    await open()
    await page.getByRole("tab", { name: "Draw" }).focus()
    await page.keyboard.press("ArrowLeft")
    expect(await page.getByRole("tab", { name: "Files" }).getAttribute("aria-selected")).toBe("true")
    await page.keyboard.press("ArrowRight")
    expect(await panel("Draw").isVisible()).toBe(true)
  })
})

interface Line {
  readonly top: number
  readonly left: number
  readonly text: string
}

/** Runs in the page. The lines of an element's text, without what is cut off at their beginnings. */
function seenLines(element: Element): readonly Line[] {
  const cut = Number.parseFloat(getComputedStyle(element).getPropertyValue("clip-path").split(" ").at(-1) ?? "") || 0
  const from = element.getBoundingClientRect().left + cut
  const lines: Line[] = []
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    for (let index = 0; index < (node.textContent?.length ?? 0); index++) {
      const range = document.createRange()
      range.setStart(node, index)
      range.setEnd(node, index + 1)
      const { top, left, right, width } = range.getBoundingClientRect()
      if (width === 0 || right <= from + 1) continue
      const last = lines.at(-1)
      const isSame = last !== undefined && Math.abs(last.top - top) < 8
      if (isSame) lines[lines.length - 1] = { ...last, text: last.text + range.toString() }
      else lines.push({ top, left, text: range.toString() })
    }
  }
  return lines.map((line) => ({ ...line, text: line.text.trim() }))
}
