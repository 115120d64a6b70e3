import type { RgbImage } from "@lllite/core"
import type { JSX } from "preact"
import { useId, useState } from "preact/hooks"
import { Picture } from "../pictures/picture.tsx"

interface CompareProps {
  readonly steered: RgbImage
  readonly plain: RgbImage
}

/** Two pictures over one another; a slider says how much of each is seen. */
export function Compare({ steered, plain }: CompareProps): JSX.Element {
  const id = useId()
  const [at, setAt] = useState(50)
  return (
    <div class="compare">
      <div class="compare-pictures" style={{ "--at": `${at}%` }}>
        <Picture image={plain} label="Picture without the LLLite" />
        <Picture image={steered} label="Picture with the LLLite" class="over" />
        <span class="compare-line" aria-hidden="true" />
      </div>
      <div class="compare-slider">
        <label for={id}>Off</label>
        <input
          id={id}
          type="range"
          min="0"
          max="100"
          value={at}
          aria-label="How much of the picture with the LLLite is shown"
          aria-valuetext={`${at} percent without, ${100 - at} percent with the LLLite`}
          onInput={(event) => setAt(Number(event.currentTarget.value))}
        />
        <span aria-hidden="true">On</span>
      </div>
    </div>
  )
}
