import { type Signal, signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Said } from "../language/said.tsx"
import { isList, type Sentence, textOf } from "../language/sentence.ts"

type Sentences = Sentence | readonly Sentence[]

/** A change that can be taken back, and what is said of it. */
interface Undoable {
  readonly of: Sentences
  readonly undo: () => void
}

/** Milliseconds for which a sentence stays at least, and for which each of its characters can be read. */
const STAYS = 6000
const READ = 70
/** Milliseconds for which *Undo* stays. Other sentences do not end it. */
export const UNDO_STAYS = 60_000

const shown = signal<{ readonly of: Sentences } | null>(null)
const unseen = signal<{ readonly of: Sentences } | null>(null)
const undoable = signal<Undoable | null>(null)

/** Says something in the status line of the page. Screen readers read it. */
export function say(of: Sentences, undo: (() => void) | null = null): void {
  shown.value = { of }
  if (undo !== null) undoable.value = { of, undo }
}

/** Offers *Undo* no more, if it is that of this change. */
export function withdraw(undo: () => void): void {
  if (undoable.value?.undo === undo) undoable.value = null
}

/** Says to screen readers what the page shows elsewhere. What the status line shows stays. */
export function sayUnseen(of: Sentence): void {
  unseen.value = { of }
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
function takeBack({ of, undo }: Undoable): void {
  undo()
  undoable.value = null
  if (shown.value?.of === of) shown.value = null
}

/** Milliseconds for which all of it can be read. */
function readingTime(of: Sentences): number {
  return Math.max(STAYS, READ * textOf(of, messages.value).length)
}

/** The change that an *Undo* takes back: the first sentence of what is said. */
function changeText(of: Sentences): string {
  const [first] = isList(of) ? of : [of]
  return first === undefined ? "" : textOf(first, messages.value)
}

/** The one status region of the page. It is always there, so that screen readers notice its changes. */
export function StatusLine(): JSX.Element {
  useLifetime(shown, shown.value === null ? STAYS : readingTime(shown.value.of))
  useLifetime(unseen, STAYS)
  useLifetime(undoable, UNDO_STAYS)
  const change = undoable.value
  const { value: words } = messages
  return (
    <div class="status-line" data-shown={shown.value !== null || change !== null}>
      <p role="status">
        <span>{shown.value !== null && <Said of={shown.value.of} />}</span>{" "}
        <span class="visually-hidden">{unseen.value !== null && <Said of={unseen.value.of} />}</span>
      </p>
      {change !== null && (
        <button type="button" onClick={() => takeBack(change)}>
          {/* Without its sentence, the button names the change by itself. */}
          <span>{change.of === shown.value?.of ? words.page.undo : words.page.undoNamed(changeText(change.of))}</span>
        </button>
      )}
    </div>
  )
}
