import type { Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { english } from "../src/language/english/index.ts"
import { japanese } from "../src/language/japanese/index.ts"
import { usePlayground } from "./playground.ts"
import { visitStates } from "./states.ts"

/** Names that are the same in Japanese: of programs, formats, units and terms, and those that a user has typed. */
const NAMES = [
  ...[
    "LLLite",
    "ControlNet",
    "LoRA",
    "SDXL",
    "Tiny SDXL",
    "VAE",
    "U-Net",
    "CFG",
    "MLP",
    "img2img",
    "Hires. fix",
    "Node",
  ],
  ...["WebAssembly", "WebGPU", "tfjs", "Hugging Face Hub", "@lllite/runtime-node", "Canny", "canny", "Min-SNR gamma"],
  ...["euler", "prodigy", "float16", "EXIF", "https://", "owner/name:file.safetensors", "owner/name"],
  ...["safetensors", "conditioning", ".txt", ".png", "lllite", "drawing", "F1", "loss", "F32", "F16", "BF16"],
  ...["PNG", "JPEG", "WebP", "PDF", "SVG", "px", "kB", "MB", "GB", "MiB", "GiB", "none:", "PyTorch", "pickle"],
  ...["box.svg", "old.ckpt", "tiny-sdxl", "lllite-canny-merged", "lllite-canny"],
  ...["a red cat and 猫", "a green heart", "English"],
]

describe("the playground in Japanese", needsChromium, () => {
  const playground = usePlayground({ locale: "ja-JP" })
  const { open, ready, full, panel } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  /**
   * What is said in another language: texts that are seen, and words for screen readers. The words of packages are
   * marked as English, and names of files and tensors as names.
   */
  const foreign = (): Promise<readonly string[]> =>
    page.evaluate((names) => {
      const found: string[] = []
      const longestFirst = names.toSorted((a, b) => b.length - a.length)
      const check = (text: string | null | undefined): void => {
        // What stands in brackets is quoted: a word of the model, the name of a file.
        let rest = (text ?? "").replaceAll(/「[^」]*」/g, " ")
        for (const name of longestFirst) rest = rest.replaceAll(name, " ")
        if (/[a-z]{2}/i.test(rest)) found.push((text ?? "").trim())
      }
      const apart = ':is([lang="en"], [translate="no"], script, style, noscript)'
      const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT)
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const element = node instanceof Element ? node : node.parentElement
        if (element === null || element.closest(apart) !== null) continue
        if (node instanceof Text) {
          if (element.closest("head") === null || element.matches("title")) check(node.data)
        } else {
          for (const name of ["aria-label", "aria-valuetext", "aria-description", "title", "placeholder", "alt"]) {
            check(element.getAttribute(name))
          }
        }
      }
      return found
    }, NAMES)

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
