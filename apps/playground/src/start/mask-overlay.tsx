import type { RgbImage } from "@lllite/core/image"
import type { JSX } from "preact"
import { useLayoutEffect, useRef } from "preact/hooks"
import { messages } from "../language/language.ts"
import { paintOf } from "./mask-state.ts"

/** The colour of a mask over a picture. */
export const MASK_COLOUR = [179, 38, 30] as const

/** What of a picture changes, over the picture. */
export function MaskOverlay({ mask }: { readonly mask: RgbImage }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  useLayoutEffect(() => {
    canvas.current?.getContext("2d")?.putImageData(paintOf(mask, MASK_COLOUR), 0, 0)
  }, [mask])
  const { width, height } = mask
  return (
    <canvas
      ref={canvas}
      class="mask-overlay"
      {...{ width, height }}
      role="img"
      aria-label={messages.value.controls.maskShown}
    />
  )
}
