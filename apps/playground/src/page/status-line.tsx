import { type Signal, signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"

/** A change that can be taken back, and the sentence about it. */
interface Undoable {
  readonly text: string
  readonly undo: () => void
}

/** Milliseconds for which a sentence stays. */
const STAYS = 6000
/** Milliseconds for which *Undo* stays. Other sentences do not end it. */
const UNDO_STAYS = 60_000

const shown = signal<{ readonly text: string } | null>(null)
const unseen = signal<{ readonly text: string } | null>(null)
const undoable = signal<Undoable | null>(null)

/** Says a sentence in the status line of the page. Screen readers read it. */
export function say(text: string, undo: (() => void) | null = null): void {
  shown.value = { text }
  if (undo !== null) undoable.value = { text, undo }
}

/** Says to screen readers what the page shows elsewhere. What the status line shows stays. */
export function sayUnseen(text: string): void {
  unseen.value = { text }
}

/** Clears what a signal holds after some time. A newer value begins the time anew. */
function useLifetime<Value>(held: Signal<Value | null>, milliseconds: number): void {
  const { value } = held
  useEffect(() => {
    if (value === null) return
    const timer = setTimeout(() => {
      held.value = null
    }, milliseconds)
    return () => clearTimeout(timer)
  }, [held, value, milliseconds])
}

/** Takes back the last change. What is said of it goes with it. */
function takeBack({ text, undo }: Undoable): void {
  undo()
  undoable.value = null
  if (shown.value?.text === text) shown.value = null
}

/** The one status region of the page. It is always there, so that screen readers notice its changes. */
export function StatusLine(): JSX.Element {
  useLifetime(shown, STAYS)
  useLifetime(unseen, STAYS)
  useLifetime(undoable, UNDO_STAYS)
  const change = undoable.value
  return (
    <div class="status-line" data-shown={shown.value !== null || change !== null}>
      <p role="status">
        <span>{shown.value?.text}</span> <span class="visually-hidden">{unseen.value?.text}</span>
      </p>
      {change !== null && (
        <button type="button" onClick={() => takeBack(change)}>
          {/* Without its sentence, the button names the change by itself. */}
          {change.text === shown.value?.text ? "Undo" : `Undo: ${change.text}`}
        </button>
      )}
    </div>
  )
}
