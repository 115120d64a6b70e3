import type { Signal } from "@preact/signals"
import type { JSX } from "preact"
import { useId } from "preact/hooks"

interface SegmentsProps<Value extends string> {
  /** What is chosen, for screen readers. */
  readonly label: string
  readonly values: readonly Value[]
  readonly textOf: (value: Value) => string
  readonly of: Signal<Value>
}

/** A choice of a few values, side by side. */
export function Segments<Value extends string>({ label, values, textOf, of }: SegmentsProps<Value>): JSX.Element {
  const name = useId()
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">{label}</legend>
      {values.map((value) => (
        <label key={value}>
          <input
            type="radio"
            class="visually-hidden"
            {...{ name, value }}
            checked={of.value === value}
            onChange={() => {
              of.value = value
            }}
          />
          <span>{textOf(value)}</span>
        </label>
      ))}
    </fieldset>
  )
}
