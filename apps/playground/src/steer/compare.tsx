import type { RgbImage } from "@lllite/core/image"
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { Picture } from "../pictures/picture.tsx"

interface CompareProps {
  readonly steered: RgbImage
  readonly plain: RgbImage
}

/**
 * Two pictures, one over the other, each with its name in a corner. The part left of a line is without the LLLite, and
 * the part right of it is with the LLLite. A slider moves the line. At first the whole picture is with the LLLite.
 */
export function Compare({ steered, plain }: CompareProps): JSX.Element {
  const [at, setAt] = useState(0)
  return (
    <div class="compare">
      <div class="compare-pictures" style={{ "--at": `${at}%` }}>
        <Picture image={plain} label="Picture without the LLLite" />
        <span class="compare-name" aria-hidden="true">
          without
        </span>
        <div class="over">
          <Picture image={steered} label="Picture with the LLLite" />
          <span class="compare-name" aria-hidden="true">
            with the LLLite
          </span>
        </div>
        <span class="compare-line" aria-hidden="true" />
      </div>
      <input
        type="range"
        min="0"
        max="100"
        value={at}
        aria-label="How much of the picture without the LLLite is shown"
        aria-valuetext={`${at} percent without, ${100 - at} percent with the LLLite`}
        onInput={(event) => setAt(Number(event.currentTarget.value))}
      />
      <p class="note">Move the slider to see the picture without the LLLite.</p>
    </div>
  )
}
