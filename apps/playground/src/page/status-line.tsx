import { signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"

/** A sentence, and what takes back what it says. */
interface Said {
  readonly text: string
  readonly undo: (() => void) | null
  /** Whether it is seen. What the page shows elsewhere is only heard. */
  readonly isSeen: boolean
}

/** Milliseconds for which a sentence stays. One with *Undo* stays longer. */
const STAYS = 6000
const STAYS_WITH_UNDO = 20_000

const said = signal<Said | null>(null)

/** Says a sentence in the status line of the page. Screen readers read it. */
export function say(text: string, undo: (() => void) | null = null): void {
  said.value = { text, undo, isSeen: true }
}

/** Says to screen readers what the page shows elsewhere. */
export function sayUnseen(text: string): void {
  said.value = { text, undo: null, isSeen: false }
}

/** The one status region of the page. It is always there, so that screen readers notice its changes. */
export function StatusLine(): JSX.Element {
  const { value } = said
  useEffect(() => {
    if (value === null) return
    const timer = setTimeout(
      () => {
        said.value = null
      },
      value.undo === null ? STAYS : STAYS_WITH_UNDO,
    )
    return () => clearTimeout(timer)
  }, [value])
  return (
    <div class="status-line" data-shown={value?.isSeen === true}>
      <p role="status">{value?.text}</p>
      {value !== null && value.undo !== null && (
        <button
          type="button"
          onClick={() => {
            value.undo?.()
            said.value = null
          }}
        >
          Undo
        </button>
      )}
    </div>
  )
}
