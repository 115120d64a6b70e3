import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium, needsChromiumWebgpu } from "../../../packages/format/test/chromium.ts"
import { longOnly, needsAll } from "../../../packages/format/test/needs.ts"
import { usePlayground } from "./playground.ts"

/** A link to a picture of 64 px that takes one step. WebGPU in software would take minutes for a larger one. */
const SMALL = `#recipe=${btoa(
  JSON.stringify({
    ...{ prompt: "a red ring", seed: 7, steps: 1, width: 64, height: 64, guidanceScale: 1 },
    model: { checkpoint: { path: "tiny" } },
  }),
)}`

describe("backends of the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel, forgetProblems, forgetRequests } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  it("says why float16 is not used, and offers no choice on WebAssembly", async () => {
    await open("?backend=wasm&precision=F16")
    const status = page.getByRole("status")
    await status.getByText("The address names the precision F16, which needs WebGPU.", { exact: false }).waitFor()
    await ready()
    await page.locator(".model-button").click()
    expect(await page.locator("#model-details").getByLabel("Precision").count()).toBe(0)
    await page.goto("about:blank")
    await open("?backend=wasm&precision=F8")
    await status.getByText('The address names the precision "F8", expected F32 or F16. F32 is used.').waitFor()
    forgetRequests()
  })

  describe("on WebGPU", needsAll(longOnly, needsChromiumWebgpu), () => {
    it("starts the model again after its device was lost", async () => {
      await open(`?backend=webgpu${SMALL}`)
      await ready()
      const draw = panel("Draw")
      await full()
      const session = await page.context().browser()?.newBrowserCDPSession()
      // Chromium closes the connection to its own graphics process.
      await session?.send("Browser.crashGpuProcess" as "Browser.crash").catch(() => {})
      await draw.getByRole("button", { name: "Generate" }).click()
      const problem = draw.locator(".below-boards").getByRole("alert")
      await problem.getByText("the device is lost", { exact: false }).waitFor()
      await problem.getByRole("button", { name: "Start the model again" }).click()
      await ready()
      await draw.getByRole("button", { name: "Generate" }).click()
      await draw.getByRole("button", { name: "Show “a red ring”, seed 7" }).waitFor()
      expect(await problem.count()).toBe(0)
      forgetProblems()
    })

    it("says that the driver has no float16 for the precision of the address, and offers no choice", async () => {
      await open(`?backend=webgpu&precision=F16${SMALL}`)
      const said = "Products are computed in float32, not in float16: the driver has no float16."
      await page.getByRole("status").getByText(said).waitFor()
      await ready()
      await page.locator(".model-button").click()
      const details = page.locator("#model-details")
      await details.getByText(said).waitFor()
      expect(await details.getByLabel("Precision").count()).toBe(0)
    })

    it("offers float16 beside the backend where the browser shows it, and keeps the choice", async () => {
      // The page's own view of the card is another one. The worker's, which computes, stays.
      await page.addInitScript(() => {
        const features = new Set(["shader-f16"])
        navigator.gpu.requestAdapter = async () => ({ features }) as unknown as GPUAdapter
      })
      await open(`?backend=webgpu${SMALL}`)
      await ready()
      await page.locator(".model-button").click()
      const choice = page.locator("#model-details").getByLabel("Precision")
      expect(await choice.inputValue()).toBe("F32")
      await choice.selectOption("F16")
      await page
        .getByRole("status")
        .getByText("Products are computed in float32, not in float16", { exact: false })
        .waitFor()
      await ready()
      expect(new URL(page.url()).searchParams.get("precision")).toBe("F16")
      expect(await choice.inputValue()).toBe("F16")
      await page.keyboard.press("Escape")
      await page.reload()
      await ready()
      await page.locator(".model-button").click()
      expect(await choice.inputValue()).toBe("F16")
      await choice.selectOption("F32")
      await expect.poll(() => new URL(page.url()).searchParams.get("precision"), { timeout: 60_000 }).toBe(null)
      await ready()
      expect(await page.locator(".model").getAttribute("data-backend")).toBe("webgpu")
      forgetRequests()
    })
  })
})
