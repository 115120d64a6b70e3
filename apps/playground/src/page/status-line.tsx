import { type Signal, signal } from "@preact/signals"
import type { JSX } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Said } from "../language/said.tsx"
import { isList, type Sentence, textOf } from "../language/sentence.ts"
import { Icon } from "./icons.tsx"

type Sentences = Sentence | readonly Sentence[]

/** A change that can be taken back, and what is said of it. */
interface Undoable {
  readonly of: Sentences
  readonly undo: () => void
}

/** Milliseconds for which a sentence stays at least, and for which each of its characters can be read. */
const STAYS = 6000
const READ = 70
/** Milliseconds for which *Undo* stays. It stays longer than its sentence, and other sentences do not end it. */
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

/**
 * Clears what a signal holds after some time. A newer value begins the time anew.
 *
 * @param isUsed whether it has to stay. It is asked when the time is over
 */
function useLifetime<Value>(
  held: Signal<Value | null>,
  milliseconds: number,
  isUsed: () => boolean = () => false,
): void {
  const { value } = held
  useEffect(() => {
    if (value === null) return
    const timer = setTimeout(() => {
      if (!isUsed()) held.value = null
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

/** What its button is called, which takes a change back. */
function undoName({ of }: Undoable): string {
  return messages.value.page.undoNamed(changeText(of))
}

/** The one status region of the page. It is always there, so that screen readers notice its changes. */
export function StatusLine(): JSX.Element {
  const line = useRef<HTMLDivElement>(null)
  const { value: said } = shown
  useLifetime(
    shown,
    said === null ? STAYS : readingTime(said.of),
    () => line.current?.matches(":focus-within") === true,
  )
  useLifetime(unseen, STAYS)
  const change = undoable.value
  const { value: words } = messages
  return (
    <div
      class="status-line"
      ref={line}
      data-shown={said !== null}
      onFocusOut={() => {
        // What the focus held begins its time anew.
        if (shown.value !== null) shown.value = { ...shown.value }
      }}
    >
      <p role="status">
        <span>{said !== null && <Said of={said.of} />}</span>{" "}
        <span class="visually-hidden">{unseen.value !== null && <Said of={unseen.value.of} />}</span>
      </p>
      {change !== null && change.of === said?.of && (
        <button type="button" aria-label={undoName(change)} onClick={() => takeBack(change)}>
          {words.page.undo}
        </button>
      )}
      {said !== null && (
        <button
          type="button"
          class="hide"
          aria-label={words.page.hide}
          title={words.page.hide}
          onClick={() => {
            shown.value = null
          }}
        >
          <Icon name="close" />
        </button>
      )}
    </div>
  )
}

/** Takes the last change back, in the bar of the page, where it covers nothing. Before, the status line has a button. */
export function UndoButton(): JSX.Element | null {
  useLifetime(undoable, UNDO_STAYS)
  const change = undoable.value
  if (change === null || change.of === shown.value?.of) return null
  const name = undoName(change)
  return (
    <button type="button" class="take-back" aria-label={name} title={name} onClick={() => takeBack(change)}>
      <Icon name="undo" />
      <span>{messages.value.page.undo}</span>
    </button>
  )
}
