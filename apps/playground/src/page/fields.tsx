import { LARGEST_SEED, readSeed } from "@lllite/core/names"
import { jsonSeed, type Recipe } from "@lllite/core/recipe"
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

/** A field for a whole number. */
export function NumberField({ label, value, min, max, disabled, onValue }: FieldProps): JSX.Element {
  return (
    <DigitsField
      {...{ label, value, onValue }}
      disabled={disabled === true}
      bounds={`${min.toLocaleString("en")} to ${max.toLocaleString("en")}`}
      read={(text) => (/^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : null)}
    />
  )
}

interface SeedFieldProps {
  readonly label: string
  readonly value: Recipe["seed"]
  readonly disabled?: boolean
  readonly onValue: (value: Recipe["seed"]) => void
}

/** A field for a seed, which has up to 64 bits. */
export function SeedField({ disabled = false, ...props }: SeedFieldProps): JSX.Element {
  const read = (text: string): Recipe["seed"] | null => {
    const seed = readSeed(text)
    return seed === null ? null : jsonSeed(seed)
  }
  return <DigitsField {...props} disabled={disabled} bounds={`0 to ${LARGEST_SEED.toLocaleString("en")}`} read={read} />
}

interface DigitsFieldProps<Value> {
  readonly label: string
  readonly value: Value
  readonly disabled: boolean
  /** In words, for a wrong text. */
  readonly bounds: string
  /** The value of a text. Null: the text is wrong. */
  readonly read: (text: string) => Value | null
  readonly onValue: (value: Value) => void
}

/**
 * A field for digits. Text that is not a number within the bounds is reported and changes no value. Its form cannot be
 * sent until it is corrected, so the number that is used is always the number that is shown.
 */
function DigitsField<Value extends number | string>(props: DigitsFieldProps<Value>): JSX.Element {
  const { label, value, disabled, bounds, read, onValue } = props
  const [text, setText] = useState(String(value))
  useEffect(() => setText(String(value)), [value])
  const input = useRef<HTMLInputElement>(null)
  const problem = read(text.trim()) === null ? `Type a whole number from ${bounds}.` : ""
  useLayoutEffect(() => input.current?.setCustomValidity(problem), [problem])
  return (
    <label class="field">
      {label}
      <input
        ref={input}
        type="text"
        inputMode="numeric"
        value={text}
        disabled={disabled}
        aria-invalid={problem !== ""}
        onInput={(event) => {
          const typed = event.currentTarget.value
          setText(typed)
          const number = read(typed.trim())
          if (number !== null) onValue(number)
        }}
      />
      {problem !== "" && <small class="problem">{problem}</small>}
    </label>
  )
}
