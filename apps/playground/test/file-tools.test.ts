import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openSafetensors, readLllite } from "@lllite/format"
import type { Download, Page } from "playwright-core"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { smallLllite } from "../../../packages/format/test/lllite-file.ts"
import { usePlayground } from "./playground.ts"

describe("tools for files of the playground", needsChromium, () => {
  const playground = usePlayground()
  const { open, panel } = playground
  let page: Page
  let folder: string
  /** An LLLite of few sites: a browser without threads takes long for the built-in one. */
  let small: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-tools-"))
    small = join(folder, "small.safetensors")
    await writeFile(small, await smallLllite())
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  beforeEach(() => {
    page = playground.page
  })

  it("converts, resizes, merges and compares an LLLite in the tab", async () => {
    await open()
    await page.getByRole("tab", { name: "Files" }).click()
    const files = panel("Files")
    await files.getByLabel("Open a safetensors file").setInputFiles(small)
    const tools = files.getByRole("region", { name: "Make another file of it" })
    const saved = async (button: string): Promise<Download> => {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        tools.getByRole("button", { name: button }).click(),
      ])
      return download
    }
    await tools.getByLabel("Dtype").selectOption("F16")
    const full = await saved("Convert and save")
    expect(full.suggestedFilename()).toBe("small-f16.safetensors")
    const { tensors } = await openSafetensors(await readFile(await full.path()))
    expect(new Set([...tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(["F16"]))
    await tools.getByText(/^small-f16\.safetensors is saved, \d+ kB\. \d+ of \d+ tensors are F16 now\./).waitFor()

    await tools.getByText("Resize", { exact: true }).click()
    await tools.getByRole("textbox", { name: "MLP" }).fill("0")
    await tools.getByText("Expected a whole number from 1 to 4096.").waitFor()
    const before = await readLllite(await readFile(small))
    const mlpDim = (before.sites[0]?.mlpDim ?? 0) + 1
    await tools.getByRole("textbox", { name: "MLP" }).fill(String(mlpDim))
    const wide = await saved("Resize and save")
    expect((await readLllite(await readFile(await wide.path()))).sites[0]?.mlpDim).toBe(mlpDim)
    await tools.getByText("It computes the same as the file.", { exact: false }).waitFor()

    await tools.getByText("Merge", { exact: true }).click()
    expect(await tools.getByRole("button", { name: "Merge and save" }).isDisabled()).toBe(true)
    await tools.getByLabel("Open the second file").setInputFiles(await full.path())
    const merged = await saved("Merge and save")
    expect(merged.suggestedFilename()).toBe("small-merged.safetensors")

    await tools.getByText("Compare", { exact: true }).first().click()
    await tools.getByLabel("Open the second file").setInputFiles(await wide.path())
    await tools.getByRole("button", { name: "Compare" }).click()
    await tools.getByText(/^\d+ sites in both files\. \d+ of them differ\./).waitFor()
    expect(await tools.getByRole("cell", { name: "other widths" }).count()).toBe(before.sites.length)
  })
})
