import type { RgbImage } from "@lllite/core/image"
import { paint } from "./picture.tsx"

/** Hands a file to the browser's downloads. */
export function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement("a")
  link.href = url
  link.download = name
  link.click()
  // The browser has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}

/** Hands a picture to the browser's downloads, as PNG. */
export function savePicture(name: string, image: RgbImage): void {
  const canvas = document.createElement("canvas")
  paint(canvas, image)
  canvas.toBlob((blob) => {
    if (blob !== null) save(name, blob)
  })
}
