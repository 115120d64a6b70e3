import type { RgbImage } from "@lllite/core/image"
import type { JSX } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"

interface PictureProps {
  readonly image: RgbImage
  /** What it shows, for screen readers. */
  readonly label: string
}

/** An RGB picture on a canvas of the same size. The style sheet sets the size on the page. */
export function Picture({ image, label }: PictureProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  useLayoutEffect(() => {
    if (canvas.current !== null) paint(canvas.current, image)
  }, [image])
  return <canvas ref={canvas} class="picture" role="img" aria-label={label} width={image.width} height={image.height} />
}

/** Draws a picture on a canvas, and gives the canvas the size of the picture. */
export function paint(canvas: HTMLCanvasElement, image: RgbImage): void {
  const { width, height, data } = image
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  const pixels = new ImageData(width, height)
  // A sheet has up to 262144 pixels, so nothing is made for each.
  for (let from = 0, to = 0; to < pixels.data.length; from += 3, to += 4) {
    pixels.data[to] = data[from] ?? 0
    pixels.data[to + 1] = data[from + 1] ?? 0
    pixels.data[to + 2] = data[from + 2] ?? 0
    pixels.data[to + 3] = 255
  }
  canvas.getContext("2d")?.putImageData(pixels, 0, 0)
}
