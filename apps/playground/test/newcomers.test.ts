import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Locator, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { longOnly, needsAll } from "../../../packages/format/test/needs.ts"
import { serveFolders } from "../../../packages/runtime-web/test/browser.ts"
import { english } from "../src/language/english/index.ts"
import { japanese } from "../src/language/japanese/index.ts"
import type { Messages } from "../src/language/messages.ts"
import { foreignTexts } from "./foreign-texts.ts"
import { DIST, keptOffline, type Playground, usePlayground } from "./playground.ts"
import { writeSdxlFile } from "./sdxl-file.ts"

const TINY = fileURLToPath(new URL("../../../packages/tiny/model/tiny-sdxl.safetensors", import.meta.url))

/** The way in which a visitor uses a page: mouse, touch or keys. */
interface Hands {
  press(target: Locator): Promise<void>
  write(field: Locator, text: string): Promise<void>
  /** Chooses a file in the dialogue that a button opens. */
  choose(button: Locator, path: string): Promise<void>
}

/**
 * What a newcomer does: gets a picture that follows the drawing, keeps it, makes it again from its PNG, trains an
 * LLLite, sees whether it works, and opens checkpoints. One of full size does not fit, and a small one does.
 *
 * @param visit called after each of these
 */
async function firstVisit(
  { page, ready, full, panel }: Playground,
  { draw: drawing, models, page: whole, train: training }: Messages,
  { press, write, choose }: Hands,
  sdxl: string,
  visit: () => Promise<void> = async () => {},
): Promise<void> {
  const draw = panel("Draw")
  const prompt = draw.getByRole("textbox", { name: drawing.prompt, exact: true })
  const shown = (): Promise<string> =>
    page.evaluate(() => document.querySelector<HTMLCanvasElement>(".result canvas")?.toDataURL() ?? "")
  const generate = draw.getByRole("button", { name: drawing.generate, exact: true })
  const kept = draw.getByRole("button", { name: drawing.showNamed(drawing.pictureOf("a red heart", "7")) })

  /** A phone shows one board large. The tools are those of that board. */
  const show = async (board: string): Promise<void> => {
    const swap = draw.getByRole("button", { name: board, exact: true })
    if (await swap.isVisible()) await press(swap)
  }

  await write(prompt, "a red heart")
  await write(draw.getByRole("textbox", { name: drawing.steps, exact: true }), "4")
  await press(generate)
  await kept.first().waitFor()
  await full()
  const first = await shown()
  await show(drawing.showPicture)
  const saved = page.waitForEvent("download")
  await press(draw.getByRole("button", { name: drawing.save, exact: true }))
  const png = await (await saved).path()
  await visit()

  await write(prompt, "a blue ring")
  await show(drawing.showDrawing)
  await press(draw.getByRole("button", { name: drawing.clear, exact: true }))
  await choose(draw.getByLabel(drawing.openPicture, { exact: true }), png)
  await expect.poll(() => prompt.inputValue(), { timeout: 60_000 }).toBe("a red heart")
  await press(generate)
  await kept.nth(1).waitFor()
  await full()
  expect(await shown()).toBe(first)
  await visit()

  const train = panel("Train")
  await press(page.getByRole("tab", { name: whole.train, exact: true }))
  await train.locator(".plan").getByText("MiB").waitFor()
  for (const [name, value] of [
    [training.numbers.steps, "2"],
    [training.numbers.batchSize, "1"],
    [training.numbers.sampleEvery, "0"],
  ] as const) {
    await write(train.getByRole("textbox", { name, exact: true }), value)
  }
  await train.locator(".plan").getByText("MiB").waitFor()
  await press(train.getByRole("button", { name: training.train, exact: true }))
  await train.getByRole("button", { name: training.drawWithAnyway, exact: true }).waitFor()
  await train
    .locator(".trained-status")
    .getByText(/0\.\d\d.*0\.\d\d/)
    .waitFor()
  await visit()

  await press(page.locator(".model-button"))
  const details = page.locator("#model-details")
  await choose(details.getByLabel(models.openCheckpoint, { exact: true }), sdxl)
  await details.locator(".proposal").getByRole("alert").waitFor()
  const refusal = await details.locator(".proposal").textContent()
  expect(refusal).toContain("real.safetensors")
  expect(refusal).toMatch(/1\d\.\d GiB.*4\.0 GiB/s)
  expect(await details.getByRole("button", { name: models.openIt, exact: true }).count()).toBe(0)
  await visit()
  await choose(details.getByLabel(models.openCheckpoint, { exact: true }), TINY)
  await press(details.getByRole("button", { name: models.openIt, exact: true }))
  await page.locator('.model[data-phase="ready"] .model-name', { hasText: "tiny-sdxl.safetensors" }).waitFor()
  await ready()
  await visit()
}

describe("a newcomer to the playground", needsAll(longOnly, needsChromium), () => {
  let folder: string
  let sdxl: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-newcomers-"))
    sdxl = await writeSdxlFile(folder)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  describe("with a keyboard alone", () => {
    const playground = usePlayground()

    it("gets there", async () => {
      const { page } = playground
      await playground.open()
      await playground.ready()
      await playground.full()
      const press = async (target: Locator): Promise<void> => {
        await moveTo(page, target)
        await page.keyboard.press("Enter")
      }
      await firstVisit(
        playground,
        english,
        {
          press,
          async write(field, text) {
            await moveTo(page, field)
            await page.keyboard.press("ControlOrMeta+a")
            await page.keyboard.type(text)
          },
          async choose(button, path) {
            await moveTo(page, button)
            const opened = page.waitForEvent("filechooser")
            await page.keyboard.press("Space")
            await (await opened).setFiles(path)
          },
        },
        sdxl,
      )
    })
  })

  describe("with a phone", () => {
    const playground = usePlayground({ isPhone: true })

    it("gets there by touch", async () => {
      const { page } = playground
      await playground.open()
      await playground.ready()
      await playground.full()
      // A stroke of a finger draws, and does not scroll.
      const before = await playground.control()
      await stroke(page)
      await page.waitForFunction(
        (before) => document.querySelector<HTMLCanvasElement>(".control canvas")?.toDataURL() !== before,
        before,
      )
      await firstVisit(
        playground,
        english,
        {
          press: (target) => target.tap(),
          async write(field, text) {
            await field.tap()
            await field.fill(text)
          },
          async choose(button, path) {
            const opened = page.waitForEvent("filechooser")
            await page.locator(`label[for="${await button.getAttribute("id")}"]`).tap()
            await (await opened).setFiles(path)
          },
        },
        sdxl,
      )
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    })
  })

  const mouse: Hands = {
    press: (target) => target.click(),
    write: (field, text) => field.fill(text),
    choose: (button, path) => button.setInputFiles(path),
  }

  describe("who reads Japanese", () => {
    const playground = usePlayground({ locale: "ja-JP" })

    it("gets there, and reads no English", async () => {
      await playground.open()
      await playground.ready()
      await playground.full()
      await firstVisit(playground, japanese, mouse, sdxl, async () => {
        expect(await foreignTexts(playground.page)).toEqual([])
      })
    })
  })

  describe("without a network", () => {
    const playground = usePlayground()

    it("gets there after the first visit", async () => {
      const { page, ready, full } = playground
      const host = await serveFolders({ "/some/folder/": DIST })
      await page.goto(`${host.url}some/folder/?backend=wasm`)
      await ready()
      await full()
      await keptOffline(page)
      await host.close()
      await page.reload()
      await ready()
      await full()
      await firstVisit(playground, english, mouse, sdxl)
      playground.forgetRequests()
    })
  })
})

/** Moves the focus to an element by keys: Tab, and arrow keys between tabs. @throws Error if no key leads there */
async function moveTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor({ state: "attached" })
  const isThere = (): Promise<boolean> => target.evaluate((element) => element === document.activeElement)
  const isTab = (await target.getAttribute("role")) === "tab"
  for (let moves = 0; moves < 250; moves++) {
    if (await isThere()) return
    const isOnTab = await page.evaluate(() => document.activeElement?.getAttribute("role") === "tab")
    await page.keyboard.press(isTab && isOnTab ? "ArrowRight" : "Tab")
  }
  throw new Error(`no key leads to ${target}`)
}

/** Draws a line on the sheet with a finger. */
async function stroke(page: Page): Promise<void> {
  const box = await page.getByRole("application").boundingBox()
  if (box === null) throw new Error("the sheet is not seen")
  const session = await page.context().newCDPSession(page)
  const at = (part: number): { readonly x: number; readonly y: number } => ({
    x: box.x + part * box.width,
    y: box.y + 0.1 * box.height,
  })
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at(0.1)] })
  for (const part of [0.3, 0.6, 0.9]) {
    await session.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [at(part)] })
  }
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] })
}
