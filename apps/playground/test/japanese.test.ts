import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { english } from "../src/language/english/index.ts"
import { japanese } from "../src/language/japanese/index.ts"
import { foreignTexts } from "./foreign-texts.ts"
import { usePlayground } from "./playground.ts"
import { visitStates } from "./states.ts"

describe("the playground in Japanese", needsChromium, () => {
  const playground = usePlayground({ locale: "ja-JP" })
  const { open, ready, full, panel } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  const foreign = (): Promise<readonly string[]> => foreignTexts(page)

  it("says nothing in English in any state, from the first picture to the file tools", async () => {
    await open()
    const found: Record<string, readonly string[]> = {}
    await visitStates(playground, japanese, async (state) => {
      found[state] = await foreign()
    })
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((state) => [state, []])))
  })

  it("opens in the browser's language, and remembers another one", async () => {
    await open()
    await ready()
    await full()
    const language = (): Promise<string | null> => page.locator("html").getAttribute("lang")
    expect(await language()).toBe("ja")
    expect(await page.title()).toBe(japanese.page.title)
    await panel("Draw").getByRole("button", { name: japanese.draw.clear }).click()
    await panel("Draw")
      .getByLabel(japanese.draw.openPicture)
      .setInputFiles({ name: "scan.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7 of a scan") })
    const problem = panel("Draw").locator(".below-boards .problem")
    await problem.getByText("PDF形式のファイルです。").waitFor()
    await page.getByLabel(japanese.page.language).selectOption("en")
    // What was said already changes with the rest, and nothing else does.
    await problem.getByText("It is a PDF. Save it as PNG.").waitFor()
    expect(await language()).toBe("en")
    expect(await page.title()).toBe(english.page.title)
    expect(await panel("Draw").getByRole("button", { name: english.draw.undo, exact: true }).isEnabled()).toBe(true)
    await page.reload()
    await ready()
    await page.getByRole("tab", { name: english.page.train }).waitFor()
    expect(await language()).toBe("en")
  })

  it("says what a package says in Japanese, with its own words below, in English", async () => {
    await open()
    await ready()
    await full()
    await page.getByRole("tab", { name: japanese.page.files }).click()
    const buffer = Buffer.from("PK\u0003\u0004 and so on")
    await panel("Files")
      .getByLabel(japanese.files.open)
      .setInputFiles({ name: "old.ckpt", mimeType: "application/octet-stream", buffer })
    const problem = panel("Files").locator(".problem")
    await problem.waitFor()
    expect(await problem.textContent()).toMatch(/^(PyTorch|safetensors形式)/)
    expect(await problem.locator('[lang="en"]').textContent()).toContain("zip archive")
  })
})
