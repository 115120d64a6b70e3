import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

const MODEL = fileURLToPath(new URL("../../../packages/tiny/model/", import.meta.url))
describe("the playground in a browser that keeps nothing", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  it("draws and saves when the store is full, and says what a reload loses", async () => {
    const session = await page.context().newCDPSession(page)
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(playground.url).origin, quotaSize: 1 })
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    await draw.getByRole("textbox", { name: "Steps" }).fill("1")
    await draw.getByRole("button", { name: "Generate" }).click()
    await draw.getByRole("button", { name: "Show “a green heart”, seed 7" }).waitFor()
    await page
      .getByRole("status")
      .getByText(/^A reload loses this picture: .*Save it\.$/)
      .waitFor()
    await full()
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      draw.getByRole("button", { name: "Save picture" }).click(),
    ])
    expect((await readFile(await download.path())).byteLength).toBeGreaterThan(1000)
    // A file is used, and is not kept.
    await draw.getByLabel("Open a file").first().setInputFiles(join(MODEL, "lllite-canny.safetensors"))
    await page.getByRole("status").getByText("A reload closes lllite-canny.safetensors:", { exact: false }).waitFor()
  })
})
