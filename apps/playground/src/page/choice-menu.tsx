import type { JSX } from "preact"
import { useRef } from "preact/hooks"

/** A line of a menu. */
export interface Choice {
  readonly name: string
  /** What it is for. */
  readonly hint: string
  readonly choose: () => void
}

/** A button that opens a menu. A choice closes it. */
export function ChoiceMenu({
  id,
  label,
  choices,
}: {
  readonly id: string
  readonly label: string
  /** Null: there is nothing to choose for, and the button cannot be pressed. */
  readonly choices: readonly Choice[] | null
}): JSX.Element {
  const menu = useRef<HTMLDivElement>(null)
  return (
    <>
      <button type="button" disabled={choices === null} popoverTarget={id}>
        {label}
      </button>
      <div id={id} ref={menu} popover="auto" class="menu">
        {choices?.map(({ name, hint, choose }) => (
          <button
            key={name}
            type="button"
            onClick={() => {
              menu.current?.hidePopover()
              choose()
            }}
          >
            <strong>{name}</strong> <small>{hint}</small>
          </button>
        ))}
      </div>
    </>
  )
}
