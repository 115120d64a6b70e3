import type { RgbImage } from "@lllite/core/image"
import { paint } from "./picture.tsx"

/** Saves a file through the browser's downloads. */
export function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement("a")
  link.href = url
  link.download = name
  link.click()
  // By then the browser has opened the address.
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}

/** Saves a picture as PNG through the browser's downloads. */
export function savePicture(name: string, image: RgbImage): void {
  const canvas = document.createElement("canvas")
  paint(canvas, image)
  canvas.toBlob((blob) => {
    if (blob !== null) save(name, blob)
  })
}
