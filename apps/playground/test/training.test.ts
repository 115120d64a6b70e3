import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { deflateSync } from "node:zlib"
import { pngFile, pngRows } from "@lllite/core/image"
import { openSafetensors, type SafetensorsFile } from "@lllite/format"
import { heldOutDrawing } from "@lllite/tiny"
import type { Download, Locator } from "playwright-core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { longOnly } from "../../../packages/format/test/needs.ts"
import { usePlayground } from "./playground.ts"

const LLLITE = fileURLToPath(new URL("../../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

describe("training in the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, panel } = playground
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-dataset-"))
    await writeDataset(folder)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** Opens the panel, with the first `count` drawings and these settings. */
  const training = async (count: number, settings: Readonly<Record<string, string>> = {}): Promise<Locator> => {
    const { page } = playground
    await page.getByRole("tab", { name: "Train" }).click()
    const train = panel("Train")
    const removers = train.getByRole("button", { name: /^Remove drawing \d/ })
    // The panel's code comes when it is shown.
    await removers.first().waitFor()
    while ((await removers.count()) > count) await removers.last().click()
    const fields = { "Pairs in a step": "1", "Steps between samples": "0", ...settings }
    for (const [name, value] of Object.entries(fields)) {
      await train.getByRole("textbox", { name, exact: true }).fill(value)
    }
    return train
  }
  /** Drops a file or a folder on the pairs, as a pointer does. */
  const dropOnPairs = async (train: Locator, path: string): Promise<void> => {
    const target = train.locator(".pairs-card")
    await target.scrollIntoViewIfNeeded()
    const box = await target.boundingBox()
    if (box === null) throw new Error("the area for files is not seen")
    const session = await playground.page.context().newCDPSession(playground.page)
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await session.send("Input.dispatchDragEvent", {
        ...{ type, x: box.x + 20, y: box.y + 20 },
        data: { items: [], files: [path], dragOperationsMask: 1 },
      })
    }
  }
  const finished = (train: Locator): Promise<void> => train.getByRole("button", { name: "Download it" }).waitFor()
  /** The trained file, after the measuring. */
  const downloaded = async (train: Locator): Promise<Download> => {
    await train.getByText(/^The LLLite (is ready|of step)/).waitFor()
    const [download] = await Promise.all([
      playground.page.waitForEvent("download"),
      train.getByRole("button", { name: "Download it" }).click(),
    ])
    return download
  }
  const fileOf = async (download: Download): Promise<SafetensorsFile> =>
    openSafetensors(await readFile(await download.path()))

  it("says the plan, trains, shows the loss, stops inside of a step, and saves a file that is an LLLite", async () => {
    const { page } = playground
    await open()
    await ready()
    const train = await training(16)
    await train.getByText(/^16 pairs, 145 steps, about .+, [\d,]+ MiB of memory\.$/).waitFor()
    await train.getByRole("button", { name: "Remove all" }).click()
    expect(await train.getByRole("button", { name: "Train", exact: true }).isDisabled()).toBe(true)
    await train.getByRole("button", { name: "Add 16 drawings" }).click()
    for (let left = 16; left > 2; left--)
      await train
        .getByRole("button", { name: /^Remove drawing \d/ })
        .first()
        .click()
    await train.getByRole("button", { name: "Train", exact: true }).click()
    await train.getByRole("img", { name: /^Loss over (?!1 )\d+ steps/ }).waitFor()
    expect(await train.getByRole("img", { name: "Sample without an LLLite" }).count()).toBe(1)
    await dropOnPairs(train, join(folder, "set", "images"))
    await page.getByRole("status").getByText("3 pairs added. The training that runs does not use them.").waitFor()
    expect(await train.getByRole("button", { name: /^Remove (drawing|images)/ }).count()).toBe(5)
    await train.getByRole("button", { name: "Stop" }).click()
    await finished(train)
    const download = await downloaded(train)
    expect(download.suggestedFilename()).toMatch(/^lllite-canny-\d{6}\.safetensors$/)
    // A few steps do not make an LLLite that follows. It is measured, and not chosen.
    expect(await train.getByText(/^The LLLite of step/).textContent()).toMatch(
      /^The LLLite of step \d+ does not follow edges 0\.\d\d, without 0\.\d\d\. It is not ready, and not chosen under Draw\./,
    )
    expect(await panel("Draw").locator("option", { hasText: "Trained here" }).count()).toBe(0)

    // It began with conditioners that are normalised over the edges. They are far larger than PyTorch's initial values.
    const file = await fileOf(download)
    const weights = [...file.tensors.values()].filter(({ name }) => name.endsWith("conditioning1.0.weight"))
    expect(weights.length).toBeGreaterThan(0)
    for (const { name, shape } of weights) {
      const drawn = 1 / Math.sqrt(shape.slice(1).reduce((product, size) => product * size, 1))
      const largest = (await file.readFloat32(name)).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      expect(largest / drawn, name).toBeGreaterThan(1.5)
    }

    await page.getByRole("tab", { name: "Files" }).click()
    await panel("Files")
      .getByLabel("Open a safetensors file")
      .setInputFiles(await download.path())
    await page.locator(".identity").waitFor()
    expect(await page.locator(".identity").textContent()).toBe("This is a ControlNet-LLLite for SDXL.")
    await panel("Files").getByRole("cell", { name: "canny, trained in a browser" }).waitFor()

    // It can be used all the same, also after a reload.
    await page.getByRole("tab", { name: "Train" }).click()
    await train.getByRole("button", { name: "Draw with it anyway" }).click()
    const chosen = panel("Draw").getByRole("combobox", { name: "LLLite" }).locator("option:checked")
    await expect.poll(() => chosen.textContent(), { timeout: 60_000 }).toMatch(/^Trained here, \d+ steps?$/)
    // The form is kept a moment after a change.
    await page.waitForTimeout(1500)
    await page.reload()
    await ready()
    expect(await chosen.textContent()).toMatch(/^Trained here, /)
    await page.locator(".model-button").click()
    await page
      .locator("#model-details")
      .getByText(/^LLLite, \d/)
      .waitFor()
    playground.forgetRequests()
  })

  it("continues after a reload, and ends with the same bytes as a run that never stopped", async () => {
    const { page } = playground
    const settings = { Steps: "6" }
    const valuesOf = async (download: Download): Promise<ReadonlyMap<string, string>> => {
      const file = await fileOf(download)
      const names = [...file.tensors.keys()].sort()
      return new Map(await Promise.all(names.map(async (name) => [name, digest(await file.read(name))] as const)))
    }
    const lossOf = (train: Locator): Promise<string | null> =>
      train.getByRole("img", { name: "Loss over 6 steps" }).locator("path.steps").getAttribute("d")
    await open()
    await ready()
    const whole = await training(2, settings)
    await whole.getByRole("combobox", { name: "Optimiser" }).selectOption("prodigy")
    await whole.getByRole("button", { name: "Train", exact: true }).click()
    const expected = await valuesOf(await downloaded(whole))
    const losses = await lossOf(whole)
    await whole.getByRole("button", { name: "Discard" }).click()
    await whole.getByRole("button", { name: "Discard" }).waitFor({ state: "detached" })
    await page.getByRole("button", { name: /^Undo: / }).click()
    await whole.getByRole("button", { name: "Discard" }).click()
    await whole.getByRole("button", { name: "Discard" }).waitFor({ state: "detached" })

    const cut = await training(2, settings)
    const reloaded = page.waitForEvent("load")
    await page.evaluate(reloadAfterStep, 2)
    await cut.getByRole("button", { name: "Train", exact: true }).click()
    await reloaded
    await ready()
    await page.getByRole("tab", { name: "Train" }).click()
    await cut.getByText(/^2 pairs, step [1-5] of 6, /).waitFor()
    await cut.getByRole("button", { name: "Resume" }).click()
    const found = await valuesOf(await downloaded(cut))
    expect(found).toEqual(expected)
    expect(await lossOf(cut)).toBe(losses)
    expect(await cut.getByRole("combobox", { name: "Optimiser" }).inputValue()).toBe("prodigy")
    playground.forgetRequests()
  })

  it("reads a folder with captions and controls, names what it does not use, and replaces nothing", async () => {
    await open()
    const train = await training(2)
    await train.getByLabel("Add a folder").setInputFiles(join(folder, "set"))
    await train.getByRole("img", { name: "set/images/a.png", exact: true }).waitFor()
    await train.getByText("is neither a picture nor a caption").waitFor()
    const captions = await train
      .getByRole("textbox", { name: /^Caption of/ })
      .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value))
    expect(captions.slice(2)).toEqual(["a heart of the file", "wide"])
    expect(captions).toHaveLength(4)
    const notices = await train.locator("[role=status] .note").allTextContents()
    expect(notices).toEqual([
      '"set/images/c.png" has no control picture and is not used: the same name with any extension is missing in the folder of controls.',
      '"set/conditioning/other.png" has no picture of the same name and is not used.',
      '"set/notes.md" is neither a picture nor a caption and is not used.',
      '"set/images/wide.png" is not square. Only the middle is used.',
      '"set/images/wide.png" has no caption file. The caption comes from its name.',
      '2 pairs have controls of canny, made here, beside pairs with controls from files. Remove them if the controls are of another kind. The first is "drawing 1".',
    ])
    // The control is the file's, and not the picture's edges.
    const grey = await train
      .getByRole("img", { name: "Control of set/images/a.png" })
      .evaluate((canvas) => [...((canvas as HTMLCanvasElement).getContext("2d")?.getImageData(9, 9, 1, 1).data ?? [])])
    expect(grey).toEqual([77, 77, 77, 255])
    await train.getByRole("button", { name: "Remove 2 drawings" }).click()
    expect(await train.getByRole("button", { name: /^Remove set/ }).count()).toBe(2)
  })

  it("reads a folder that is dropped, and makes controls of the chosen kind", async () => {
    const { page } = playground
    await open()
    await ready()
    const train = await training(1)
    await dropOnPairs(train, join(folder, "set", "images"))
    await train.getByRole("img", { name: "images/c.png", exact: true }).waitFor()
    const control = train.getByRole("img", { name: "Control of images/c.png" })
    const seen = (): Promise<string> => control.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL())
    const edges = await seen()
    await train.getByRole("combobox", { name: "Controls made by" }).selectOption("blur_gaussian")
    await page.waitForFunction((before) => {
      const canvas = document.querySelector<HTMLCanvasElement>('canvas[aria-label="Control of images/c.png"]')
      return canvas !== null && canvas.toDataURL() !== before
    }, edges)
    // Weights are for the page, wherever they are dropped.
    await dropOnPairs(train, LLLITE)
    await page.getByRole("status").getByText("lllite-canny.safetensors is used as a control.").waitFor()
  })

  it("refuses wrong values beside their fields, with the command's ranges, also behind a summary", async () => {
    await open()
    await ready()
    const train = await training(16)
    await train.getByText(/^16 pairs, /).waitFor()
    // Enter ends a caption, and starts no training.
    await train
      .getByRole("textbox", { name: /^Caption of/ })
      .first()
      .press("Enter")
    expect(await train.getByRole("button", { name: "Stop" }).isDisabled()).toBe(true)
    // What has no effect has no field.
    const optimizers = train.getByRole("combobox", { name: "Optimiser" })
    await optimizers.selectOption("adafactor")
    await train.getByText("adafactor has its own learning rate and schedule.").waitFor()
    expect(await train.getByRole("textbox", { name: "Learning rate", exact: true }).count()).toBe(0)
    expect(await train.getByRole("combobox", { name: "Schedule" }).count()).toBe(0)
    await optimizers.selectOption("adamw")
    for (const [name, wrong, sentence] of [
      ["Steps", "0", "Expected a whole number from 1 to 10000000."],
      ["Learning rate", "0", "Expected a number above 0 and of at most 1000."],
      ["Pairs in a step", "1.5", "Expected a whole number from 1 to 4096."],
      ["Seed", "-1", "Expected a whole number from 0 to 18446744073709551615."],
    ] as const) {
      const field = train.getByRole("textbox", { name, exact: true })
      const before = await field.inputValue()
      await field.fill(wrong)
      expect(await field.getAttribute("aria-invalid")).toBe("true")
      expect(await train.getByText(sentence).count(), sentence).toBe(1)
      await field.fill(before)
    }
    await train.getByText("More settings").click()
    const dropout = train.getByRole("textbox", { name: "Dropout" })
    await dropout.fill("1")
    await train.getByText("More settings").click()
    expect(await dropout.isVisible()).toBe(false)
    await train.getByRole("button", { name: "Train", exact: true }).click()
    expect(await dropout.evaluate((input) => input.matches(":focus"))).toBe(true)
    await dropout.fill("0")
    await train.getByRole("combobox", { name: "Schedule" }).selectOption("linear")
    await train.getByRole("textbox", { name: "Steps of warm-up" }).fill("500")
    await train.getByRole("alert").getByText("do not fit in 145 steps").waitFor()
    expect(await train.getByRole("button", { name: "Train", exact: true }).isDisabled()).toBe(true)
  })

  it("ends with an LLLite that follows, says so, and chooses it", longOnly, async () => {
    await open()
    await ready()
    const train = await training(16, { "Pairs in a step": "4", "Steps between samples": "20" })
    await train.getByRole("button", { name: "Train", exact: true }).click()
    await train.getByText(/^The LLLite (is ready|of step)/).waitFor()
    const text = await train.getByText(/^The LLLite (is ready|of step)/).textContent()
    console.info(text)
    expect(text).toMatch(/^The LLLite is ready after 145 steps: it follows edges 0\.\d\d, without 0\.\d\d\./)
    expect(await train.getByRole("img", { name: /^Sample after/ }).count()).toBe(8)
    await playground.page.getByRole("tab", { name: "Draw" }).click()
    expect(await panel("Draw").getByRole("combobox", { name: "LLLite" }).locator("option:checked").textContent()).toBe(
      "Trained here, 145 steps",
    )
  })
})

/** A picture as PNG. */
function png(width: number, height: number, colourAt: (x: number, y: number) => number): Uint8Array {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) data.fill(colourAt(i % width, Math.floor(i / width)), 3 * i, 3 * i + 3)
  const image = { width, height, data }
  return pngFile(image, deflateSync(pngRows(image)))
}

/** Pairs as sd-scripts has them, with files that are not used. */
async function writeDataset(folder: string): Promise<void> {
  const { image } = heldOutDrawing(0)
  const files: Readonly<Record<string, string | Uint8Array>> = {
    "images/a.png": pngFile(image, deflateSync(pngRows(image))),
    "images/a.txt": "a heart of the file\n",
    "images/wide.png": png(400, 200, (x) => (x < 200 ? 0 : 255)),
    "images/c.png": png(64, 64, (x, y) => (x > 20 && y > 20 ? 0 : 255)),
    "conditioning/a.png": png(128, 128, () => 77),
    "conditioning/wide.png": png(100, 50, () => 40),
    "conditioning/other.png": png(64, 64, () => 40),
    "notes.md": "notes",
    ".hidden.png": "nothing",
  }
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, "set", name)
    await mkdir(join(path, ".."), { recursive: true })
    await writeFile(path, content)
  }
}

/** Runs in the page. It reloads itself, since steps are faster than messages to and from a test. */
function reloadAfterStep(step: number): void {
  new MutationObserver((_, observer) => {
    const curve = document.querySelector('[role="img"][aria-label^="Loss over "]')
    const steps = Number(/^Loss over (\d+)/.exec(curve?.getAttribute("aria-label") ?? "")?.[1] ?? 0)
    // What stands there before is of an earlier run.
    if (steps < step || document.querySelector("#panel-train .progress") === null) return
    observer.disconnect()
    location.reload()
  }).observe(document.body, { subtree: true, childList: true, attributes: true })
}

function digest(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64")
}
