import type { PngText, RgbImage } from "@lllite/core/image"
import { pngFile, pngRows } from "@lllite/core/image"
import type { Bytes } from "@lllite/format"
import { WebRuntimeError } from "../errors.ts"

/**
 * Encodes a picture as a PNG with text inside. The pixels are exact. Browsers may pack them into different bytes.
 *
 * @throws CoreError for a keyword that PNG does not allow, or for data whose length does not fit the size
 */
export async function encodePng(image: RgbImage, text?: PngText): Promise<Bytes> {
  const packed = new Blob([new Uint8Array(pngRows(image))]).stream().pipeThrough(new CompressionStream("deflate"))
  return pngFile(image, new Uint8Array(await new Response(packed).arrayBuffer()), text)
}

/**
 * Saves a picture as a PNG with text inside, through the browser's downloads.
 *
 * @param path the name of the file. Folders before it are left out: the browser knows where downloads go.
 * @throws WebRuntimeError outside of a page, such as in a worker; CoreError as {@link encodePng}
 */
export async function writePng(path: string, image: RgbImage, text?: PngText): Promise<void> {
  if (globalThis.document === undefined) {
    throw new WebRuntimeError("no-page", `"${path}" cannot be saved here. Call writePng in the page, not in a worker.`)
  }
  const blob = new Blob([await encodePng(image, text)], { type: "image/png" })
  const url = URL.createObjectURL(blob)
  const link = document.createElement("a")
  link.href = url
  link.download = path.split(/[/\\]/).at(-1) ?? path
  link.click()
  // By then the browser has opened the address.
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
