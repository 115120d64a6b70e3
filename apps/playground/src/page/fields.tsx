import type { JSX } from "preact"
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks"

interface FieldProps {
  readonly label: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly disabled?: boolean
  readonly onValue: (value: number) => void
}

interface SliderFieldProps extends FieldProps {
  readonly step: number
  readonly hint?: string
  readonly class?: string
}

/** A number on a slider, with its value beside it. */
export function SliderField(props: SliderFieldProps): JSX.Element {
  const { label, hint, value, min, max, step, onValue } = props
  const id = useId()
  return (
    <div class={`field ${props.class ?? ""}`}>
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

/**
 * A field for a whole number. Text that is not a number within the bounds is reported and changes no value. Its form
 * cannot be sent until it is corrected, so the number that is used is always the number that is shown.
 */
export function NumberField({ label, value, min, max, disabled, onValue }: FieldProps): JSX.Element {
  const [text, setText] = useState(String(value))
  useEffect(() => setText(String(value)), [value])
  const input = useRef<HTMLInputElement>(null)
  const bounds = `${min.toLocaleString("en")} to ${max.toLocaleString("en")}`
  const problem = isWithin(text, min, max) ? "" : `Type a whole number from ${bounds}.`
  useLayoutEffect(() => input.current?.setCustomValidity(problem), [problem])
  return (
    <label class="field">
      {label}
      <input
        ref={input}
        type="text"
        inputMode="numeric"
        value={text}
        disabled={disabled === true}
        aria-invalid={problem !== ""}
        onInput={(event) => {
          const typed = event.currentTarget.value
          setText(typed)
          if (isWithin(typed, min, max)) onValue(Number(typed))
        }}
      />
      {problem !== "" && <small class="problem">{problem}</small>}
    </label>
  )
}

function isWithin(text: string, min: number, max: number): boolean {
  return /^\d{1,10}$/.test(text.trim()) && Number(text) >= min && Number(text) <= max
}
