import { request } from "node:http"
import { blankImage } from "@lllite/runtime-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { launchChromium, needsChromium } from "../../../../../packages/format/test/chromium.ts"
import type { StepRecord } from "../observer.ts"
import type { SampleSet } from "../samples/run-samples.ts"
import type { Sample } from "../samples/sample-plan.ts"
import { createStepHistory } from "../step-history.ts"
import { type Dashboard, openDashboard, tryPort } from "./dashboard.ts"

type Browser = Awaited<ReturnType<typeof launchChromium>>
type Page = Awaited<ReturnType<Browser["newPage"]>>

const HOSTILE = "<img src=x onerror=alert(1)>"
const open = (): Promise<Dashboard> =>
  openDashboard(null, { name: `run ${HOSTILE}`, steps: 10, perEpoch: 5, history: createStepHistory(5) })

function record(step: number): StepRecord {
  const rates = { learningRate: 2e-4, gradientNorm: 0.5, adaptedRate: null }
  const costs = { seconds: 60, memoryMiB: 512.4, deviceMiB: null }
  return { step, epoch: Math.ceil(step / 5), loss: 1 / step, averageLoss: 0.25, ...rates, ...costs }
}

function sampleSet(step: number, control: ReturnType<typeof blankImage>): SampleSet {
  const sample: Sample = {
    ...{ prompt: HOSTILE, negativePrompt: "", width: 8, height: 8, steps: 1, guidanceScale: 1, seed: 0 },
    ...{ namesSeed: false, sampler: "ddim", control, controlPath: null },
  }
  return { step, pictures: [{ sample, control, without: control, with: blankImage(8, 8, [step, 0, 0]) }] }
}

/** The status of a request with a host, a path and a method. */
async function statusOf(url: string, host: string, path = "/", method = "GET"): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.on("error", reject).end()
  })
}

describe("the server of a run's page", () => {
  it("answers this machine alone, by its own names", async () => {
    const page = await open()
    const { host, port } = new URL(page.url)
    expect(page.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    expect(await statusOf(page.url, host)).toBe(200)
    expect(await statusOf(page.url, `localhost:${port}`)).toBe(200)
    // A name of another site that leads here.
    expect(await statusOf(page.url, `evil.example:${port}`)).toBe(403)
    expect(await statusOf(page.url, "127.0.0.1")).toBe(403)
    expect(await statusOf(page.url, host, "/", "POST")).toBe(405)
    for (const path of ["/pictures/0.png", "/pictures/../page.js", "/__proto__", "/etc/passwd"]) {
      expect(await statusOf(page.url, host, path)).toBe(path === "/pictures/../page.js" ? 200 : 404)
    }
    await page.close()
    await expect(statusOf(page.url, host)).rejects.toThrow()
  })

  it("says in one sentence that a port is in use", async () => {
    const page = await open()
    const port = Number(new URL(page.url).port)
    await expect(tryPort(port)).rejects.toThrow(
      `port ${port} for the dashboard is in use. Choose another one, or leave out dashboard_port.`,
    )
    await page.close()
    await expect(tryPort(port)).resolves.toBeUndefined()
  })
})

describe("the page of a run in Chromium", needsChromium, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser?.close())

  /** Opens a page, and collects what it complains of. */
  async function visit(url: string, width: number): Promise<{ readonly page: Page; readonly problems: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 800 } })
    page.setDefaultTimeout(600_000)
    const problems: string[] = []
    page.on("pageerror", (error) => problems.push(error.message))
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text())
    })
    page.on("request", (sent) => {
      if (!sent.url().startsWith(url) && !sent.url().startsWith("data:")) problems.push(`asked for ${sent.url()}`)
    })
    await page.goto(url)
    return { page, problems }
  }

  it("shows steps, samples and held-out pairs while they come, on a phone, and the end", async () => {
    const dashboard = await open()
    dashboard.step(record(1))
    const { page, problems } = await visit(dashboard.url, 360)
    await page.getByText("1 of 10").waitFor()
    expect(await page.title()).toBe(`run ${HOSTILE}`)
    for (const step of [2, 3, 4]) dashboard.step(record(step))
    await page.getByText("4 of 10").waitFor()
    const figures = await page.locator("#figures").textContent()
    expect(figures).toMatch(/Time left\s*0:06:00/)
    expect(figures).toMatch(/Memory\s*512 MiB/)
    expect(figures).toMatch(/Learning rate\s*2.00e-4/)
    const line = await page.locator("#charts figure").first().locator("path").first().getAttribute("d")
    expect(line?.split(/[ML]/).slice(1)).toHaveLength(4)

    const control = blankImage(8, 8, [255, 255, 255])
    dashboard.samples(sampleSet(2, control))
    dashboard.samples(sampleSet(4, control))
    await page.getByText("of step 4").waitFor()
    expect(await page.locator("#pictures img").count()).toBe(3)
    expect(await page.locator("#pictures p").textContent()).toBe(HOSTILE)
    await page.waitForFunction(() => [...document.images].every((image) => image.naturalWidth === 8))
    await page.locator("#sample-choice").fill("0")
    await page.getByText("of step 2").waitFor()
    const follow = { name: "edges", real: 1, chance: 0.1, with: 0.75, without: 0.25 } as const
    dashboard.validation({ step: 4, loss: 0.5, lossWithout: 0.6, lossAt: new Map(), follow })
    await page.getByText("0.75, without 0.25").waitFor()
    // Nothing is wider than the phone.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    await dashboard.close()
    await page.getByText("The run ended after step 4.").waitFor()
    expect(problems).toEqual([])
    await page.close()
  })

  it("shows a visitor who comes late everything so far", async () => {
    const history = createStepHistory(5)
    for (const loss of [3, 2]) history.add({ loss, learningRate: 1, gradientNorm: 1, adaptedRate: null })
    const dashboard = await openDashboard(null, { name: "late", steps: 3, perEpoch: 5, history })
    dashboard.samples(sampleSet(2, blankImage(8, 8, [0, 0, 0])))
    dashboard.step(record(3))
    const { page, problems } = await visit(dashboard.url, 1200)
    await page.getByText("of step 2").waitFor()
    await page.getByText("3 of 3").waitFor()
    const line = await page.locator("#charts figure").first().locator("path").first().getAttribute("d")
    expect(line?.split(/[ML]/).slice(1)).toHaveLength(3)
    await dashboard.close()
    await page.getByText("The run is complete.").waitFor()
    expect(problems).toEqual([])
    await page.close()
  })
})
