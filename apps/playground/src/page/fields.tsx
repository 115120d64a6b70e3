import type { JSX } from "preact"
import { useEffect, useId, useState } from "preact/hooks"

interface FieldProps {
  readonly label: string
  readonly hint?: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly disabled?: boolean
  readonly onValue: (value: number) => void
}

/** A number on a slider, with its value beside it. */
export function SliderField(props: FieldProps & { readonly step: number }): JSX.Element {
  const { label, hint, value, min, max, step, onValue } = props
  const id = useId()
  return (
    <div class="field">
      <span class="field-head">
        <label for={id}>{label}</label>
        <output for={id}>{value.toFixed(2)}</output>
      </span>
      <input
        id={id}
        type="range"
        {...{ min, max, step, value }}
        disabled={props.disabled === true}
        onInput={(event) => onValue(Number(event.currentTarget.value))}
      />
      {hint !== undefined && <small>{hint}</small>}
    </div>
  )
}

/** A whole number that is typed. What is no number within the bounds is not taken, and said. */
export function NumberField({ label, hint, value, min, max, disabled, onValue }: FieldProps): JSX.Element {
  const [text, setText] = useState(String(value))
  useEffect(() => setText(String(value)), [value])
  const isGood = isWithin(text, min, max)
  return (
    <label class="field">
      {label}
      <input
        type="text"
        inputMode="numeric"
        value={text}
        disabled={disabled === true}
        aria-invalid={!isGood}
        onInput={(event) => {
          const typed = event.currentTarget.value
          setText(typed)
          if (isWithin(typed, min, max)) onValue(Number(typed))
        }}
      />
      {isGood ? (
        hint !== undefined && <small>{hint}</small>
      ) : (
        <small class="problem">{`a whole number, ${min} to ${max}`}</small>
      )}
    </label>
  )
}

function isWithin(text: string, min: number, max: number): boolean {
  return /^\d{1,10}$/.test(text.trim()) && Number(text) >= min && Number(text) <= max
}
