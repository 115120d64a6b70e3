import type { Browser, Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { longOnly, needsAll } from "../../../packages/format/test/needs.ts"
import { usePlayground } from "./playground.ts"

/** An event of Chromium's trace. Times are in microseconds. */
interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** Processor time of the thread. It does not grow while another program has the processor. */
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

/** Milliseconds of processor time. A task of more makes the page answer late. */
const MOST = 100

describe("the main thread of the playground", needsAll(longOnly, needsChromium), () => {
  const playground = usePlayground()
  const { open, ready, full, control } = playground
  let page: Page
  let browser: Browser
  beforeEach(() => {
    page = playground.page
    const owner = page.context().browser()
    if (owner === null) throw new Error("the page has no browser")
    browser = owner
  })

  /** Processor time of the longest task of the page's thread during work, in milliseconds. */
  const longest = async (work: () => Promise<unknown>): Promise<number> => {
    await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] })
    await work()
    const trace = JSON.parse((await browser.stopTracing()).toString()) as { readonly traceEvents: TraceEvent[] }
    const threads = trace.traceEvents.filter(
      ({ name, args }) => name === "thread_name" && args.name === "CrRendererMain",
    )
    const tasks = trace.traceEvents.filter(
      ({ name, ph, pid, tid }) =>
        ph === "X" && /RunTask$/.test(name) && threads.some((one) => one.pid === pid && one.tid === tid),
    )
    if (tasks.length === 0) throw new Error("the trace has no task")
    return Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1000))
  }

  it("is free while pictures are made, drawn and dropped, and while other panels open", async () => {
    await open()
    await ready()
    await full()
    const found: Record<string, number> = {}
    found["a picture in full quality"] = await longest(async () => {
      await page.getByRole("button", { name: "Generate" }).click()
      await page.getByRole("button", { name: /^Show “/ }).waitFor()
      await full()
    })
    const box = await page.getByRole("application").boundingBox()
    if (box === null) throw new Error("the sheet is not seen")
    found["a stroke of 80 moves, and its live picture"] = await longest(async () => {
      await page.mouse.move(box.x + 40, box.y + 40)
      await page.mouse.down()
      await page.mouse.move(box.x + box.width - 40, box.y + box.height - 40, { steps: 80 })
      await page.mouse.up()
      await page.locator('.draw[data-phase="idle"] .result[data-quality="live"][data-final="true"]').waitFor()
    })
    found["a sweep over strengths"] = await longest(async () => {
      await page.getByRole("button", { name: "Sweep" }).click()
      const dialog = page.getByRole("dialog", { name: "Strength and seed" })
      await dialog.getByRole("button", { name: "Make the pictures" }).click()
      await dialog.getByRole("button", { name: "Show: Strength 1, seed 7" }).waitFor()
      await dialog.getByRole("button", { name: "Make the pictures" }).waitFor()
      await dialog.getByRole("button", { name: "Close" }).click()
    })
    await page.getByRole("checkbox", { name: /^Live/ }).uncheck()
    // The largest sheet whose edges the page finds by itself, and one whose edges a worker finds.
    for (const side of ["256", "512"]) {
      const summary = page.locator("summary", { hasText: /^\d+ × \d+ px/ })
      await summary.click()
      await page.getByLabel("Size", { exact: true }).selectOption(side)
      await summary.click()
      found[`a sheet of ${side} px, blurred by more and more`] = await longest(async () => {
        const options = page.locator(".control summary")
        await options.click()
        for (const sigma of ["0.5", "1", "2", "4"]) {
          const before = await control()
          await page.getByRole("slider", { name: "Blur before" }).fill(sigma)
          await expect.poll(control, { timeout: 60_000 }).not.toBe(before)
        }
        await page.getByRole("slider", { name: "Blur before" }).fill("0")
        await options.click()
      })
    }
    await page.locator("summary", { hasText: "512 × 512 px" }).click()
    await page.getByLabel("Size", { exact: true }).selectOption("128")
    await page.getByRole("checkbox", { name: /^Live/ }).check()
    for (const [width, height] of [
      [4000, 3000],
      [8000, 8000],
    ] as const) {
      await page.evaluate(
        async ([width, height]) => {
          const canvas = new OffscreenCanvas(width, height)
          const context = canvas.getContext("2d")
          if (context === null) throw new Error("the browser gives no canvas")
          context.fillStyle = "white"
          context.fillRect(0, 0, width, height)
          context.fillStyle = "black"
          context.fillRect(width / 4, height / 4, width / 2, (height * width) / 30_000)
          const file = new File([await canvas.convertToBlob({ type: "image/jpeg" })], "large.jpg", {
            type: "image/jpeg",
          })
          Object.assign(window, { file })
        },
        [width, height] as const,
      )
      const before = await control()
      found[`a dropped JPEG of ${width} × ${height}`] = await longest(async () => {
        await page.evaluate(() => {
          const dataTransfer = new DataTransfer()
          dataTransfer.items.add((window as unknown as { readonly file: File }).file)
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }))
        })
        await page.waitForFunction(
          (before) => document.querySelector<HTMLCanvasElement>(".control canvas")?.toDataURL() !== before,
          before,
        )
      })
    }
    found["Train, with its 16 drawings"] = await longest(async () => {
      await page.getByRole("tab", { name: "Train" }).click()
      await page.getByText(/^16 pairs, /).waitFor()
    })
    for (const [what, milliseconds] of Object.entries(found)) console.info(`${what}: ${Math.round(milliseconds)} ms`)
    expect(Object.entries(found).filter(([, milliseconds]) => milliseconds > MOST)).toEqual([])
  })
})
