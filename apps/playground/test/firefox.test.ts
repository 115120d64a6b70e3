import { canny, edgeF1, type GreyImage, type RgbImage, rgbToGrey } from "@lllite/core/image"
import { cannyThresholds } from "@lllite/tiny"
import type { Browser, Page } from "puppeteer-core"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { longOnly, needsAll } from "../../../packages/format/test/needs.ts"
import { type FileServer, serveFolders } from "../../../packages/runtime-web/test/browser.ts"
import { launchFirefox, needsFirefox } from "./firefox.ts"
import { DIST } from "./playground.ts"

describe("the playground in Firefox", needsAll(longOnly, needsFirefox), () => {
  let browser: Browser
  let server: FileServer
  let page: Page
  const problems: string[] = []

  beforeAll(async () => {
    server = await serveFolders({ "/some/folder/": DIST })
    browser = await launchFirefox()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })
  beforeEach(async () => {
    problems.length = 0
    page = await browser.newPage()
    await page.setViewport({ width: 1280, height: 800 })
    page.setDefaultTimeout(600_000)
    page.on("pageerror", (error) => problems.push(String(error)))
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warn") problems.push(message.text())
    })
  })
  afterEach(async () => {
    expect(problems).toEqual([])
    await page.close()
  })

  const ready = () => page.waitForSelector('.model[data-phase="ready"]')
  const full = () => page.waitForSelector('.draw[data-phase="idle"] .result[data-final="true"][data-quality="full"]')
  const pixels = async (canvas: string): Promise<RgbImage> => {
    const { width, height, rgba } = await page.evaluate((canvas) => {
      const seen = document.querySelector<HTMLCanvasElement>(canvas)
      if (seen === null) throw new Error(`there is no ${canvas}`)
      const { width, height } = seen
      return { width, height, rgba: [...(seen.getContext("2d")?.getImageData(0, 0, width, height).data ?? [])] }
    }, canvas)
    return { width, height, data: Uint8Array.from(rgba.filter((_, i) => i % 4 !== 3)) }
  }
  const edgesOf = (image: RgbImage): GreyImage => canny(rgbToGrey(image), cannyThresholds)

  it("loads on WebAssembly, draws along the drawing, and keeps the picture over a reload", async () => {
    await page.goto(`${server.url}some/folder/?backend=wasm`)
    await ready()
    expect(await page.$eval(".model", (model) => model.getAttribute("data-backend"))).toBe("wasm")
    await full()
    const first = await pixels(".result canvas")
    const control = rgbToGrey(await pixels(".control canvas"))
    // The picture of the prompt and drawing that the page opens with.
    expect(edgeF1(edgesOf(first), control).f1).toBeGreaterThan(0.7)

    await page.locator('::-p-aria([name="Steps"][role="textbox"])').fill("4")
    await page.locator('::-p-aria([name="Prompt"][role="textbox"])').fill("a red heart")
    await page.locator('::-p-aria([name="Generate"][role="button"])').click()
    await page.waitForSelector("::-p-aria(Show “a red heart”, seed 7)")
    await full()
    const second = await pixels(".result canvas")
    expect(edgeF1(edgesOf(second), control).f1).toBeGreaterThan(0.5)
    const redder = (image: RgbImage): number =>
      image.data.reduce((sum, value, i) => sum + (i % 3 === 0 ? value : i % 3 === 1 ? -value : 0), 0)
    expect(redder(second)).toBeGreaterThan(redder(first))

    await page.reload()
    await ready()
    await page.waitForSelector("::-p-aria(Show “a red heart”, seed 7)")
  })
})
