import { readFile } from "node:fs/promises"
import { readPngInfo } from "@lllite/runtime-web"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

describe("start pictures, masks and stages of the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  /** The pixels of the shown picture, three for each. */
  const shown = (): Promise<readonly number[]> =>
    page.evaluate(() => {
      const shown = document.querySelector<HTMLCanvasElement>(".result canvas")
      if (shown === null) return []
      // Chromium warns of a canvas that is read several times.
      const copy = new OffscreenCanvas(shown.width, shown.height)
      const context = copy.getContext("2d")
      context?.drawImage(shown, 0, 0)
      const data = context?.getImageData(0, 0, copy.width, copy.height).data ?? []
      return [...data].filter((_, i) => i % 4 !== 3)
    })
  /** The mean difference of two pictures over a part of their columns, 0 to 255. */
  const difference = (a: readonly number[], b: readonly number[], from: number, to: number): number => {
    let [sum, count] = [0, 0]
    for (const [i, value] of a.entries()) {
      const column = Math.floor(i / 3) % 128
      if (column < from || column >= to) continue
      sum += Math.abs(value - (b[i] ?? 0))
      count++
    }
    return sum / count
  }
  const generate = async (prompt: string): Promise<void> => {
    const draw = panel("Draw")
    await draw.getByRole("textbox", { name: "Prompt", exact: true }).fill(prompt)
    await draw.getByRole("button", { name: "Generate" }).click()
    await draw.getByRole("button", { name: `Show “${prompt}”, seed 7` }).waitFor()
    await full()
  }

  it("changes only what is painted of a picture, with pointer and keys, and makes it again from its PNG", async () => {
    await open()
    await ready()
    await full()
    await page.getByRole("checkbox", { name: /^Live/ }).uncheck()
    const draw = panel("Draw")
    const before = await shown()
    await draw.getByRole("button", { name: "Use as" }).click()
    await page.getByRole("button", { name: /^Start, with a mask/ }).click()
    const dialog = page.getByRole("dialog", { name: "What changes" })
    await dialog.getByText("Nothing is painted, so everything changes.", { exact: false }).waitFor()
    const canvas = dialog.getByRole("application")
    await canvas.focus()
    // The brush begins in the middle.
    await page.keyboard.press(" ")
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press(" ")
    await dialog.getByText(/^[1-9]\d* % changes\. The rest stays as it is\.$/).waitFor()
    await dialog.getByRole("button", { name: "Take back" }).click()
    await dialog.getByText("Nothing is painted", { exact: false }).waitFor()
    await dialog.getByLabel("Width").fill("0.3")
    const box = await canvas.boundingBox()
    if (box === null) throw new Error("the mask is not seen")
    // The middle, from top to bottom.
    await page.mouse.move(box.x + box.width / 2, box.y + 2)
    await page.mouse.down()
    for (const y of [0.3, 0.6, 0.99]) await page.mouse.move(box.x + box.width / 2, box.y + y * box.height)
    await page.mouse.up()
    await dialog.getByText(/^\d\d % changes\. The rest stays as it is\.$/).waitFor()
    await dialog.getByRole("button", { name: "Done" }).click()
    await draw.getByLabel("How much changes").fill("1")
    await generate("a red heart")
    const after = await shown()
    // What stays goes through the VAE once more.
    expect(difference(before, after, 0, 36)).toBeLessThan(8)
    expect(difference(before, after, 56, 72)).toBeGreaterThan(16)

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      draw.getByRole("button", { name: "Save picture" }).click(),
    ])
    const info = await readPngInfo(new Blob([await readFile(await download.path())]))
    expect(JSON.parse(info?.text.get("lllite-recipe") ?? "").start).toMatchObject({
      strength: 1,
      mask: { path: "mask" },
    })
    await draw.getByRole("button", { name: "From noise" }).click()
    await draw.getByText("It starts from noise.").waitFor()
    await page.locator(".boards input[type=file]").setInputFiles(await download.path())
    await draw.getByText("The painted part changes.", { exact: false }).waitFor()
    await draw.getByRole("button", { name: "Remove the picture" }).click()
    await generate("a red heart")
    expect(await shown()).toEqual(after)
  })

  it("makes a large picture from a small one, and in tiles", async () => {
    await open()
    await ready()
    await full()
    await page.getByRole("checkbox", { name: /^Live/ }).uncheck()
    const draw = panel("Draw")
    await draw.locator("summary", { hasText: "128 × 128 px" }).click()
    await draw.getByLabel("Size").selectOption("256")
    await draw.getByLabel("Hires fix").selectOption("0.5")
    await draw.getByLabel("Tiles").selectOption("128")
    await draw.locator("summary", { hasText: "256 × 256 px, hires fix, tiles of 128" }).waitFor()
    await draw.getByRole("textbox", { name: "Steps" }).fill("2")
    await draw.locator("summary", { hasText: "Guidance" }).click()
    await draw.getByLabel("Make it without control").uncheck()
    await generate("a blue ring")
    expect(await shown()).toHaveLength(3 * 256 * 256)
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      draw.getByRole("button", { name: "Save picture" }).click(),
    ])
    const info = await readPngInfo(new Blob([await readFile(await download.path())]))
    expect(JSON.parse(info?.text.get("lllite-recipe") ?? "")).toMatchObject({
      ...{ width: 256, height: 256, hires: { scale: 0.5, steps: 2 }, tiles: { size: 128 } },
    })
  })
})
