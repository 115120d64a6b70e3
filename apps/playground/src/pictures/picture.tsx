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
  for (let i = 0; i < width * height; i++) {
    pixels.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i)
    pixels.data[4 * i + 3] = 255
  }
  canvas.getContext("2d")?.putImageData(pixels, 0, 0)
}
