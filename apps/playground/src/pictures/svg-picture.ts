import { PageError, sentence } from "../language/sentence.ts"

/** The longest side of a drawn SVG, in pixels. Its shape may be any. */
const LONGEST = 4096

/** Whether a file is an SVG, by its type or its name. */
export function isSvg({ type, name }: Pick<File, "type" | "name">): boolean {
  return type === "image/svg+xml" || /\.svg$/i.test(name)
}

/**
 * Draws an SVG on white, as a picture whose shorter side has `size` pixels. The browser draws it without its scripts, and
 * without files that it names. A worker cannot draw it, so the page does.
 *
 * @throws PageError when it is broken
 */
export async function drawnSvg(file: File, size: number): Promise<File> {
  const url = URL.createObjectURL(new Blob([file], { type: "image/svg+xml" }))
  try {
    const image = new Image()
    image.src = url
    await image.decode().catch((cause: unknown) => {
      throw new PageError(sentence("pictures", "brokenSvg", file.name), { cause })
    })
    // One without a size has no natural one in some browsers.
    const [width, height] = [image.naturalWidth || size, image.naturalHeight || size]
    const scale = Math.min(size / Math.min(width, height), LONGEST / Math.max(width, height))
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)))
    const context = canvas.getContext("2d")
    if (context === null) throw new PageError(sentence("page", "noCanvas"))
    context.fillStyle = "white"
    context.fillRect(0, 0, canvas.width, canvas.height)
    context.drawImage(image, 0, 0, canvas.width, canvas.height)
    return new File([await canvas.convertToBlob()], file.name, { type: "image/png" })
  } finally {
    URL.revokeObjectURL(url)
  }
}
