import type { RgbImage } from "@lllite/core/image"
import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Icon } from "../page/icons.tsx"
import { Picture } from "../pictures/picture.tsx"

interface CompareProps {
  readonly image: RgbImage
  readonly plain: RgbImage
}

/**
 * Two pictures, one over the other. The part left of a line is without control, and the part right of it is with it. A
 * slider over the pictures moves the line.
 */
export function Compare({ image, plain }: CompareProps): JSX.Element {
  const [at, setAt] = useState(50)
  const words = messages.value.draw
  return (
    <div class="compare" style={{ "--at": `${at}%` }}>
      <Picture image={plain} label={words.pictureWithout} />
      <div class="over">
        <Picture image={image} label={words.pictureWith} />
      </div>
      <span class="compare-name left" aria-hidden="true">
        {words.compareWithout}
      </span>
      <span class="compare-name right" aria-hidden="true">
        {words.compareWith}
      </span>
      <span class="compare-line" aria-hidden="true">
        <Icon name="drag" />
      </span>
      <input
        type="range"
        min="0"
        max="100"
        value={at}
        aria-label={words.compareSlider}
        aria-valuetext={words.compareValue(at)}
        onInput={(event) => setAt(Number(event.currentTarget.value))}
      />
    </div>
  )
}
