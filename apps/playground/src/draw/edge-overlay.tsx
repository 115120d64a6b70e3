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
    for (let i = 0; i < width * height; i++) {
      const [red = 0, green = 0, blue = 0] = control.data.subarray(3 * i, 3 * i + 3)
      pixels.data.set(
        isWhole ? [red, green, blue, 255] : [...EDGE, Math.round(0.3 * red + 0.59 * green + 0.11 * blue)],
        4 * i,
      )
    }
    canvas.current?.getContext("2d")?.putImageData(pixels, 0, 0)
  }, [control, isWhole])
  return (
    <canvas ref={canvas} class="edge-overlay" role="img" aria-label={messages.value.draw.seen} {...{ width, height }} />
  )
}
