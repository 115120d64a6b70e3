import type { JSX } from "preact"
import { giveUp } from "../draw/make-picture.ts"
import { result } from "../draw/result.ts"
import { counted } from "../page/counted.ts"
import { Picture } from "../pictures/picture.tsx"
import { olderCount, shelf } from "./shelf-state.ts"

/** The pictures that the browser keeps, side by side. A press shows one. */
export function Shelf(): JSX.Element {
  const all = shelf.value
  return (
    <section class="shelf" aria-labelledby="shelf-title">
      <div class="shelf-head">
        <h2 id="shelf-title">Kept in this browser</h2>
        <span class="note">
          {all.length === 0
            ? "Each picture that you generate stays here, also after a reload."
            : counted(all.length + olderCount.value, "picture")}
        </span>
      </div>
      {all.length > 0 && (
        <ul class="shelf-row">
          {all.map((picture) => {
            const { prompt, seed } = picture.recipe
            const label = `“${prompt}”, seed ${seed}`
            return (
              <li key={picture.id}>
                <button
                  type="button"
                  aria-label={`Show ${label}`}
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
