import type { Page } from "playwright-core"

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
  ...[
    "safetensors",
    "sd-scripts",
    "conditioning",
    ".txt",
    ".png",
    "lllite",
    "drawing",
    "F1",
    "loss",
    "F32",
    "F16",
    "BF16",
  ],
  ...["PNG", "JPEG", "WebP", "PDF", "SVG", "px", "kB", "MB", "GB", "MiB", "GiB", "none:", "PyTorch", "pickle"],
  ...["box.svg", "old.ckpt", "tiny-sdxl", "lllite-canny-merged", "lllite-canny"],
  ...["a red cat and 猫", "a green heart", "a red heart", "English"],
]

/**
 * What is said in another language: texts that are seen, and words for screen readers. The words of packages are
 * marked as English, and names of files and tensors as names.
 */
export function foreignTexts(page: Page): Promise<readonly string[]> {
  return page.evaluate((names) => {
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
}
