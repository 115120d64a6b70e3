import type { RgbImage } from "@lllite/core/image"
import type { JSX } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import { messages } from "../language/language.ts"

interface EdgeOverlayProps {
  readonly control: RgbImage
  /** Whether it hides the drawing. Otherwise it shows only what is bright in it. */
  readonly isWhole: boolean
}

/** The colour of edges over ink. It is seen on white and on grey. */
const EDGE = [196, 30, 22] as const

/** What the model sees of the drawing, over the drawing. */
export function EdgeOverlay({ control, isWhole }: EdgeOverlayProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  const { width, height } = control
  useLayoutEffect(() => {
    const pixels = new ImageData(width, height)
    const { data } = control
    // As in `paint`, nothing is made for each pixel.
    for (let from = 0, to = 0; to < pixels.data.length; from += 3, to += 4) {
      const red = data[from] ?? 0
      const green = data[from + 1] ?? 0
      const blue = data[from + 2] ?? 0
      pixels.data[to] = isWhole ? red : EDGE[0]
      pixels.data[to + 1] = isWhole ? green : EDGE[1]
      pixels.data[to + 2] = isWhole ? blue : EDGE[2]
      pixels.data[to + 3] = isWhole ? 255 : Math.round(0.3 * red + 0.59 * green + 0.11 * blue)
    }
    canvas.current?.getContext("2d")?.putImageData(pixels, 0, 0)
  }, [control, isWhole])
  return (
    <canvas ref={canvas} class="edge-overlay" role="img" aria-label={messages.value.draw.seen} {...{ width, height }} />
  )
}
