import type { JSX } from "preact"
import { giveUp } from "../draw/make-picture.ts"
import { result } from "../draw/result.ts"
import { messages } from "../language/language.ts"
import { Picture } from "../pictures/picture.tsx"
import { olderCount, shelf } from "./shelf-state.ts"

/** The pictures that the browser keeps, side by side. A press shows one. */
export function Shelf(): JSX.Element {
  const all = shelf.value
  const words = messages.value.draw
  return (
    <section class="shelf" aria-labelledby="shelf-title">
      <div class="shelf-head">
        <h2 id="shelf-title">{words.shelf}</h2>
        <span class="note">{all.length === 0 ? words.shelfEmpty : words.pictures(all.length + olderCount.value)}</span>
      </div>
      {all.length > 0 && (
        <ul class="shelf-row">
          {all.map((picture) => {
            const { prompt, seed } = picture.recipe
            const label = words.pictureOf(prompt, String(seed))
            return (
              <li key={picture.id}>
                <button
                  type="button"
                  aria-label={words.showNamed(label)}
                  title={label}
                  aria-pressed={result.value?.id === picture.id}
                  onClick={() => {
                    giveUp()
                    result.value = picture
                  }}
                >
                  <Picture image={picture.image} label={label} />
                </button>
              </li>
            )
          })}
        </ul>
      )}
    </section>
  )
}
