import { mkdtemp, readFile, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { serveFolders } from "../../../packages/runtime-web/test/browser.ts"
import { DIST, usePlayground } from "./playground.ts"

const fileOf = (name: string): string => fileURLToPath(new URL(`../../../packages/tiny/model/${name}`, import.meta.url))
const TINY = fileOf("tiny-sdxl.safetensors")

describe("visits of the playground that go otherwise", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, panel, forgetProblems, forgetRequests } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  it("uses of many files at once what it can, and names all that it does not use", async () => {
    await open()
    await ready()
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(64, 64)
      canvas.getContext("2d")?.fillRect(10, 10, 30, 40)
      const picture = await canvas.convertToBlob()
      const built = performance.getEntriesByType("resource").find(({ name }) => name.includes("lllite-canny"))
      const lllite = await (await fetch(built?.name ?? "")).blob()
      const dataTransfer = new DataTransfer()
      for (const [name, content, type] of [
        ["notes.docx", "notes", ""],
        ["mine.safetensors", lllite, ""],
        ["box.png", picture, "image/png"],
        ["other.safetensors", lllite, ""],
        ["old.ckpt", "PK\u0003\u0004", ""],
      ] as const) {
        dataTransfer.items.add(new File([content], name, { type }))
      }
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }))
    })
    const status = page.getByRole("status")
    await status.getByText("mine.safetensors is used as a control.").waitFor()
    const said = await page.locator(".status-line [role=status]").textContent()
    expect(said).toContain('"box.png" is the drawing.')
    expect(said).toContain('"other.safetensors", "old.ckpt" and "notes.docx" are not used')
    expect(await panel("Draw").getByRole("combobox", { name: "LLLite" }).locator("option:checked").textContent()).toBe(
      "mine.safetensors",
    )
  })

  it("answers every drop: beside another kind, right after another drop, over a dialogue, and without a file", async () => {
    await open()
    await page.locator(".sheet").waitFor()
    const status = page.locator(".status-line [role=status]")
    const lllite = (await readFile(fileOf("lllite-canny.safetensors"))).toString("base64")
    /** Drops files on an element. Each has a name, and its bytes in base64. */
    const drop = (on: string, ...files: readonly (readonly [name: string, content: string])[]): Promise<void> =>
      page.evaluate(
        ([on, files]) => {
          const dataTransfer = new DataTransfer()
          for (const [name, content] of files) {
            dataTransfer.items.add(new File([Uint8Array.from(atob(content), (one) => one.charCodeAt(0))], name))
          }
          document.querySelector(on)?.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }))
        },
        [on, files] as const,
      )
    const pdf = btoa("%PDF-1.7 of a scan")
    const problem = panel("Draw").locator(".below-boards .problem")

    // The model comes meanwhile.
    await drop(".sheet canvas", ["early.safetensors", lllite], ["scan.pdf", pdf])
    await expect.poll(() => status.textContent(), { timeout: 60_000 }).toContain("early.safetensors")
    await problem.getByText('"scan.pdf" is not a picture', { exact: false }).waitFor()
    await ready()
    await full()

    await drop(".sheet canvas", ["old.ckpt", btoa("PK\u0003\u0004")], ["scan.pdf", pdf])
    await status.getByText('What the page found in "old.ckpt" stands under Files.').waitFor()
    await problem.getByText('"scan.pdf" is not a picture', { exact: false }).waitFor()

    await drop("body", ["one.safetensors", lllite])
    await drop("body", ["two.safetensors", lllite])
    await status.getByText("two.safetensors is used as a control.").waitFor()
    const names = panel("Draw").getByRole("combobox", { name: "LLLite" }).locator("option")
    expect(await names.allTextContents()).toEqual(expect.arrayContaining(["one.safetensors", "two.safetensors"]))

    await page.getByRole("button", { name: "Sweep" }).click()
    await drop("dialog.sweep", ["notes.docx", btoa("notes")])
    await status.getByText('"notes.docx" is not used', { exact: false }).waitFor()
    expect(await page.locator("dialog[open]").count()).toBe(0)

    const empty = await mkdtemp(join(tmpdir(), "lllite-empty-"))
    const session = await page.context().newCDPSession(page)
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      const data = { items: [], files: [empty], dragOperationsMask: 1 }
      await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data })
    }
    await status.getByText("There is no file in what was dropped.").waitFor()
    await rm(empty, { recursive: true })
  })

  it("can be used while its model comes slowly, and offers another try when the connection breaks", async () => {
    const { size } = await stat(TINY)
    let cut = (): void => {}
    let state: "slow" | "broken" | "sound" = "slow"
    const host = await serveFolders(
      { "/": DIST },
      {
        answer: (_, response, path) => {
          if (state === "sound" || !path.includes("tiny-sdxl")) return false
          if (state === "broken") {
            response.destroy()
            return true
          }
          response.writeHead(200, { "content-type": "application/octet-stream", "content-length": size })
          void readFile(TINY).then((bytes) => response.write(bytes.subarray(0, size / 2)))
          cut = () => response.destroy()
          return true
        },
      },
    )
    await page.goto(`${host.url}?backend=wasm`)
    await page.locator(".model progress").waitFor()
    const draw = panel("Draw")
    const before = await playground.control()
    await draw.getByRole("textbox", { name: "Prompt", exact: true }).fill("a blue ring")
    await page.getByTitle("Shape: ring").click()
    await page.getByRole("application").click({ position: { x: 60, y: 60 } })
    await expect.poll(() => playground.control(), { timeout: 60_000 }).not.toBe(before)
    expect(await draw.getByRole("button", { name: "Generate" }).isDisabled()).toBe(true)
    await page.getByRole("tab", { name: "Files" }).click()
    await panel("Files").getByLabel("Open a safetensors file").setInputFiles(fileOf("lllite-canny.safetensors"))
    await page.locator(".identity").waitFor()
    // The page tries a few times by itself.
    state = "broken"
    cut()
    await page.getByRole("alert").getByText("The model could not be started", { exact: false }).waitFor()
    state = "sound"
    // The form is kept a moment after a change.
    await page.waitForTimeout(1500)
    await page.getByRole("link", { name: "Try again" }).click()
    await ready()
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a blue ring")
    await host.close()
    forgetProblems()
  })

  it("draws in two tabs at once, and lists in one no training that runs in the other", async () => {
    await open()
    await ready()
    await full()
    const coming = page.waitForEvent("popup")
    await page.evaluate(() => void window.open(location.href, "_blank", "noopener"))
    const other = await coming
    await other.locator('.model[data-phase="ready"]').waitFor()
    for (const tab of [page, other]) {
      await tab.getByRole("textbox", { name: "Steps", exact: true }).fill("2")
      await tab.getByRole("textbox", { name: "Prompt", exact: true }).fill("a red star")
      await tab.getByRole("button", { name: "Generate" }).click()
    }
    for (const tab of [page, other])
      await tab.getByRole("button", { name: "Show “a red star”, seed 7" }).first().waitFor()
    await full()
    // A run is kept, and both tabs list it.
    await page.getByRole("tab", { name: "Train" }).click()
    const train = panel("Train")
    await train
      .getByRole("button", { name: /^Remove drawing \d/ })
      .first()
      .waitFor()
    for (const [name, value] of [
      ["Steps", "3"],
      ["Pairs in a step", "1"],
      ["Steps between samples", "0"],
    ] as const) {
      await train.getByRole("textbox", { name, exact: true }).fill(value)
    }
    await train.getByRole("button", { name: "Train", exact: true }).click()
    await page.getByText(/^Preparing pair/).waitFor()
    await other.getByRole("tab", { name: "Train" }).click()
    await other
      .getByRole("button", { name: /^Remove drawing \d/ })
      .first()
      .waitFor()
    // It lists no run that the other tab trains.
    expect(await other.getByRole("button", { name: "Resume" }).count()).toBe(0)
    await train.getByRole("button", { name: "Stop" }).click()
    await other.close()
    // A request that the end of a worker has ended is not a failure of the page.
    forgetRequests()
  })
})
