import { readFile, stat } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium, needsChromiumWebgpu } from "../../../packages/format/test/chromium.ts"
import { longOnly, needsAll } from "../../../packages/format/test/needs.ts"
import { serveFolders } from "../../../packages/runtime-web/test/browser.ts"
import { DIST, keptOffline, usePlayground } from "./playground.ts"

const TINY = fileURLToPath(new URL("../../../packages/tiny/model/tiny-sdxl.safetensors", import.meta.url))

/** A picture of 64 px that takes one step. */
const SMALL = JSON.stringify({
  ...{ prompt: "a red ring", seed: 7, steps: 1, width: 64, height: 64, guidanceScale: 1 },
  model: { checkpoint: { path: "tiny" } },
})

describe("the playground on its host", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel, forgetRequests, forgetProblems } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  it("opens again without a network, and loads the model once", async () => {
    const host = await serveFolders({ "/some/folder/": DIST })
    await page.goto(`${host.url}some/folder/?backend=wasm`)
    await ready()
    await full()
    await keptOffline(page)
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

  it("loads, generates and trains on WebGPU when it is named", needsAll(longOnly, needsChromiumWebgpu), async () => {
    // A processor takes minutes for the picture that the page opens with. A link asks for a small one.
    await open(`?backend=webgpu#recipe=${btoa(SMALL)}`)
    await ready()
    expect(await page.locator(".model").getAttribute("data-backend")).toBe("webgpu")
    await full()
    const draw = panel("Draw")
    await draw.getByRole("checkbox", { name: /^Live/ }).uncheck()
    await draw.getByRole("button", { name: "Add a control" }).click()
    await draw.getByRole("button", { name: "Generate" }).click()
    await draw.getByRole("button", { name: "Show “a red ring”, seed 7" }).waitFor()
    await full()

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

  it("starts where the browser denies every store, and says which backend is unknown", async () => {
    await page.addInitScript(() => {
      const denied = (owner: object, name: string): void => {
        Object.defineProperty(owner, name, {
          get: () => {
            throw new DOMException("denied", "SecurityError")
          },
        })
      }
      for (const name of ["indexedDB", "localStorage", "caches"]) denied(window, name)
      denied(navigator, "serviceWorker")
    })
    await open("?backend=wasmm")
    await page
      .getByRole("status")
      .getByText('The address names the backend "wasmm", expected webgpu or wasm.')
      .waitFor()
    await ready()
    expect(await page.locator(".model").getAttribute("data-phase")).toBe("ready")
  })

  it("shows how much of the model is there, also when the host does not say its size", async () => {
    let end = (): void => {}
    const { size } = await stat(TINY)
    const host = await serveFolders(
      { "/": DIST },
      {
        answer: (_, response, path) => {
          if (!path.includes("tiny-sdxl")) return false
          // Without a length, in two parts.
          response.writeHead(200, { "content-type": "application/octet-stream" })
          void readFile(TINY).then((bytes) => {
            response.write(bytes.subarray(0, size / 2))
            end = () => response.end(bytes.subarray(size / 2))
          })
          return true
        },
      },
    )
    await page.goto(`${host.url}?backend=wasm`)
    const progress = page.getByRole("progressbar", { name: "downloading" })
    // The last bytes before a break are not reported.
    await page.waitForFunction(() => (document.querySelector<HTMLProgressElement>(".model progress")?.value ?? 0) > 0)
    expect(await progress.getAttribute("max")).toBe(String(size))
    expect(await page.locator(".model-facts").textContent()).toMatch(/downloading \d+\.\d of 20\.7 MB/)
    // A phone has room for the bar alone.
    await page.setViewportSize({ width: 390, height: 844 })
    expect((await progress.boundingBox())?.width).toBeGreaterThan(40)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    end()
    await ready()
    await host.close()
    playground.forgetRequests()
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
