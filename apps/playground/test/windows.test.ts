import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

describe("the playground in other windows", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  it("has all of its parts within a window that is zoomed to 200 %, without scrolling sideways", async () => {
    await page.setViewportSize({ width: 640, height: 400 })
    await open()
    await ready()
    await full()
    const isWithin = (selector: string): Promise<boolean> =>
      page.locator(selector).evaluate((element) => {
        const { top, left, bottom, right } = element.getBoundingClientRect()
        return top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth
      })
    for (const name of ["Draw", "Train", "Files"] as const) {
      await page.getByRole("tab", { name }).click()
      await panel(name).getByRole("heading").first().waitFor()
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), name).toBeLessThanOrEqual(0)
      expect(await isWithin(".top-bar"), name).toBe(true)
    }
    await page.getByRole("tab", { name: "Draw" }).click()
    expect(await isWithin(".generate")).toBe(true)
    await page.locator(".model-button").click()
    expect(await isWithin(".model-details")).toBe(true)
    await page.keyboard.press("Escape")
    await panel("Draw").getByRole("button", { name: "Sweep" }).click()
    expect(await isWithin("dialog[open]")).toBe(true)
  })

  it("shows what a button that is off is called, also in forced colours", async () => {
    await page.emulateMedia({ forcedColors: "active" })
    await open()
    const generate = panel("Draw").getByRole("button", { name: "Generate" })
    await generate.waitFor()
    expect(await generate.isDisabled()).toBe(true)
    // The browser lays a plate of the paper's colour under the text, in which a text of that colour would not be seen.
    const { text, paper, opacity } = await generate.evaluate((button) => {
      const { color, backgroundColor, opacity } = getComputedStyle(button)
      return { text: color, paper: backgroundColor, opacity }
    })
    expect(paper).toBe(await page.evaluate(() => getComputedStyle(document.body).backgroundColor))
    expect(text).not.toBe(paper)
    expect(opacity).toBe("1")
  })

  it("moves nothing for a user who wants less motion", async () => {
    await page.emulateMedia({ reducedMotion: "reduce" })
    await open()
    await ready()
    await full()
    const moving: string[] = []
    for (const name of ["Draw", "Train", "Files"] as const) {
      await page.getByRole("tab", { name }).click()
      await panel(name).getByRole("heading").first().waitFor()
      moving.push(
        ...(await page.evaluate(() =>
          [...document.querySelectorAll("*")].flatMap((element) => {
            const { transitionDuration, scrollBehavior } = getComputedStyle(element)
            const isMoving = transitionDuration.split(", ").some((time) => Number.parseFloat(time) > 0)
            return isMoving || scrollBehavior === "smooth" ? [element.outerHTML.slice(0, 80)] : []
          }),
        )),
      )
    }
    expect(moving).toEqual([])
  })
})
