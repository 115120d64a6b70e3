import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import type { AxeResults } from "axe-core"
import type { Page } from "playwright-core"
import { beforeAll, beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

const TINY = fileURLToPath(new URL("../../../packages/tiny/model/tiny-sdxl.safetensors", import.meta.url))
const SVG = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><path d="M4 4h12v12H4z"/></svg>',
)

describe("the playground for everyone", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel } = playground
  let page: Page
  let axe: string
  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
  })
  beforeEach(() => {
    page = playground.page
  })

  /** What axe-core finds wrong, as `rule: place`. */
  const problems = async (): Promise<readonly string[]> => {
    const results = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run: () => Promise<AxeResults> } }
      return axe.run()
    })
    return results.violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`))
  }
  it.each([
    ["light", 1280, 800],
    ["dark", 1366, 768],
    ["light", 390, 844],
    ["dark", 390, 844],
  ] as const)("has no fault in any state, in %s colours at %d × %d", async (colorScheme, width, height) => {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height })
    await open()
    await page.evaluate(axe)
    await ready()
    await full()
    const draw = panel("Draw")
    const found: Record<string, readonly string[]> = { drawn: await problems() }
    await draw.getByRole("textbox", { name: "Prompt", exact: true }).fill("a red cat and 猫")
    await draw.getByRole("textbox", { name: "Steps" }).fill("0")
    for (const summary of await draw.locator("summary").all()) await summary.click()
    await draw.getByRole("button", { name: "Add a control" }).click()
    found["all settings"] = await problems()
    await draw.getByRole("textbox", { name: "Steps" }).fill("1000")
    await draw.getByRole("button", { name: "Generate" }).click()
    await draw.getByRole("button", { name: "Stop" }).waitFor()
    found.running = await problems()
    await draw.getByRole("button", { name: "Stop" }).click()
    await draw.getByText("Stopped before the picture was finished.").waitFor()
    await page.locator(".model-button").click()
    await page.getByLabel("Open a checkpoint").setInputFiles(TINY)
    await page.getByRole("button", { name: "Open it" }).waitFor()
    found.model = await problems()
    await page.keyboard.press("Escape")
    await draw.getByLabel("From a file").setInputFiles({ name: "box.svg", mimeType: "image/svg+xml", buffer: SVG })
    await draw.getByRole("button", { name: "Paint a mask" }).click()
    const mask = page.getByRole("dialog", { name: "What changes" })
    await mask.getByRole("button", { name: "Invert" }).click()
    await mask.getByText("100 % changes.", { exact: false }).waitFor()
    found.mask = await problems()
    await mask.getByRole("button", { name: "Done" }).click()
    await draw.getByText("The painted part changes.", { exact: false }).waitFor()
    found.start = await problems()
    await page.getByRole("tab", { name: "Train" }).click()
    await panel("Train")
      .getByText(/^16 pairs, /)
      .waitFor()
    found.train = await problems()
    await page.getByRole("tab", { name: "Files" }).click()
    await panel("Files").getByLabel("Open a safetensors file").setInputFiles(LLLITE)
    await page.locator(".identity").waitFor()
    await panel("Files").getByText("Merge", { exact: true }).click()
    found.files = await problems()
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((state) => [state, []])))
  })
})
