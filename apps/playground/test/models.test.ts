import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Locator, Page } from "playwright-core"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { serveFolders } from "../../../packages/runtime-web/test/browser.ts"
import { DIST, usePlayground } from "./playground.ts"
import { writeSdxlFile } from "./sdxl-file.ts"

const model = (name: string): string =>
  fileURLToPath(new URL(`../../../packages/tiny/model/${name}.safetensors`, import.meta.url))
const TINY = model("tiny-sdxl")

/** The names of all files of downloads, hidden ones and notes, too. */
function storedNames(page: Page): Promise<readonly string[]> {
  return page.evaluate(async () => {
    const root = await navigator.storage.getDirectory()
    const folder = await root.getDirectoryHandle("lllite-checkpoints", { create: true })
    const names: string[] = []
    for await (const name of folder.keys()) names.push(name)
    return names
  })
}

describe("models of the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel } = playground
  let page: Page
  let folder: string
  let sdxl: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-models-"))
    sdxl = await writeSdxlFile(folder)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  beforeEach(() => {
    page = playground.page
  })

  /** The panel behind the button of the model. */
  const models = async (): Promise<Locator> => {
    await page.locator(".model-button").click()
    return page.locator("#model-details")
  }
  const proposal = (): Locator => page.locator(".proposal")
  const nameShown = (hasText: string): Locator => page.locator('.model[data-phase="ready"] .model-name', { hasText })

  it("says what a checkpoint of real size needs and has, and refuses it by name", async () => {
    await open()
    await ready()
    const details = await models()
    await details.getByLabel("Open a checkpoint").setInputFiles(sdxl)
    await proposal().getByRole("alert").waitFor()
    const said = await proposal().textContent()
    expect(said).toMatch(/An SDXL checkpoint, 6\.94 GB\./)
    expect(said).toMatch(/Needs 1\d\.\d GiB\s*Has 4\.0 GiB/)
    expect(said).toMatch(
      /"real\.safetensors": a picture of 1024 px needs 1\d\.\d GiB, .*WebAssembly can address only 4 GiB/,
    )
    expect(await proposal().getByRole("button", { name: "Open it" }).count()).toBe(0)
    // Another size has another plan.
    await proposal().getByLabel("Size of pictures").selectOption("512")
    await proposal().getByText("a picture of 512 px needs", { exact: false }).waitFor()
    // Nothing was loaded, so the model that was there draws.
    expect(await nameShown("Tiny SDXL").count()).toBe(1)
    await details.getByLabel("Open a checkpoint").setInputFiles(model("lllite-canny"))
    await proposal().getByText("expected an SDXL checkpoint, this is a ControlNet-LLLite", { exact: false }).waitFor()
  })

  it("opens a checkpoint from the disk, draws with it, and goes back to the built-in one", async () => {
    await open()
    await ready()
    await full()
    const details = await models()
    await details.getByLabel("Open a checkpoint").setInputFiles(TINY)
    await proposal().getByText("A small SDXL, like that of this page, 21 MB.").waitFor()
    const hashed = page
      .waitForEvent("worker", (worker) => worker.url().includes("hash-worker"))
      .then((worker) => worker.waitForEvent("close"))
    await proposal().getByRole("button", { name: "Open it" }).click()
    await nameShown("tiny-sdxl.safetensors").waitFor()
    await page.keyboard.press("Escape")
    const draw = panel("Draw")
    // It has the words of the built-in model, but the page cannot know that.
    expect(await draw.getByText("Words it knows:").count()).toBe(0)
    // A large file is hashed while its model can draw already.
    await hashed
    await draw.getByRole("textbox", { name: "Steps" }).fill("2")
    await draw.getByRole("textbox", { name: "Prompt", exact: true }).fill("a red heart")
    await draw.getByRole("button", { name: "Generate" }).click()
    await draw.getByRole("button", { name: "Show “a red heart”, seed 7" }).waitFor()
    await full()
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      draw.getByRole("button", { name: "Save picture" }).click(),
    ])
    const details2 = await models()
    await details2.getByRole("button", { name: "Back to the tiny SDXL" }).click()
    await nameShown("Tiny SDXL").waitFor()
    await page.keyboard.press("Escape")
    await page.locator(".boards input[type=file]").setInputFiles(await download.path())
    // Its file is that of the built-in model, as the hash says, so nothing is different.
    const said = page.getByRole("status").getByText(/^The settings of .* are set\./)
    await said.waitFor()
    expect(await said.textContent()).toMatch(/^The settings of \S+ are set\.$/)
  })

  it("opens a checkpoint that is dropped, and a VAE beside it, whose file is kept", async () => {
    await open()
    await ready()
    const session = await page.context().newCDPSession(page)
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await session.send("Input.dispatchDragEvent", {
        ...{ type, x: 200, y: 200, data: { items: [], files: [TINY], dragOperationsMask: 1 } },
      })
    }
    await proposal().getByRole("button", { name: "Open it" }).click()
    await nameShown("tiny-sdxl.safetensors").waitFor()
    const details = page.locator("#model-details")
    await details.getByLabel("Another VAE").setInputFiles(TINY)
    await details.getByText("VAE: tiny-sdxl.safetensors").waitFor()
    await details.getByRole("button", { name: "Its own again" }).click()
    await details.getByLabel("Another VAE").waitFor()
    await details.getByLabel("Another VAE").setInputFiles(model("lllite-canny"))
    await details.getByText("expected a VAE, this is a ControlNet-LLLite", { exact: false }).waitFor()
    await playground.ready()
    // The file that was used is kept. The one that was refused is not.
    await page.reload()
    await ready()
    await models()
    const kept = details.getByRole("listitem")
    await kept.getByText("VAE, 21 MB").waitFor()
    expect(await kept.count()).toBe(1)
    await kept.getByRole("button", { name: "Use" }).click()
    await details.getByText("VAE: tiny-sdxl.safetensors").waitFor()
    expect(await kept.count()).toBe(1)
    await kept.getByRole("button", { name: "Remove tiny-sdxl.safetensors" }).click()
    await kept.waitFor({ state: "detached" })
    // A press outside of the panel closes it.
    await page.getByRole("button", { name: /^Undo: / }).click()
    await models()
    await kept.waitFor()
    playground.forgetRequests()
  })

  it("downloads a checkpoint from an address, keeps it, opens it again after a reload, and removes it", async () => {
    const host = await serveFolders(
      { "/models/": fileURLToPath(new URL("../../../packages/tiny/model/", import.meta.url)), "/": DIST },
      { headers: { "access-control-allow-origin": "*" } },
    )
    await open()
    await ready()
    const address = `${host.url}models/tiny-sdxl.safetensors`
    const details = await models()
    await details.getByLabel("Address, or name on the Hugging Face Hub").fill(address)
    await details.getByRole("button", { name: "Look" }).click()
    await proposal().getByRole("button", { name: "Download 21 MB and open" }).click()
    await nameShown("tiny-sdxl.safetensors").waitFor()
    await details.getByText("Kept in this browser, 21 MB").waitFor()
    await host.close()
    await page.reload()
    await ready()
    expect(await nameShown("Tiny SDXL").count()).toBe(1)
    await models()
    await details.getByRole("button", { name: "Open", exact: true }).click()
    await proposal().getByRole("button", { name: "Open it" }).click()
    await nameShown("tiny-sdxl.safetensors").waitFor()
    const remove = details.getByRole("button", { name: "Remove tiny-sdxl.safetensors" })
    await remove.click()
    await details.getByText("Kept in this browser").waitFor({ state: "detached" })
    // The file goes later, so that the removal can be taken back. A press outside of the panel closes it.
    await page.getByRole("button", { name: /^Undo: / }).click()
    await models()
    await remove.click()
    await details.getByText("Kept in this browser").waitFor({ state: "detached" })
    // The file and its note.
    expect(await storedNames(page)).toHaveLength(2)
    await page.reload()
    await ready()
    await models()
    await details.getByText("Kept in this browser").waitFor({ state: "detached" })
    await page.addInitScript(() => {
      const now = Date.now
      Date.now = () => now() + 600_000
    })
    await page.reload()
    await ready()
    await expect.poll(() => storedNames(page), { timeout: 60_000 }).toEqual([])
    playground.forgetRequests()
  })

  it("says what is wrong with an address", async () => {
    await open()
    await ready()
    const details = await models()
    const field = details.getByLabel("Address, or name on the Hugging Face Hub")
    await field.fill("cat")
    await field.press("Enter")
    await details.getByText("“cat” is neither an address", { exact: false }).waitFor()
    await field.fill(`${playground.url}nothing.safetensors`)
    await field.press("Enter")
    await proposal().getByText("The file does not exist", { exact: false }).waitFor()
    playground.forgetProblems()
  })
})
