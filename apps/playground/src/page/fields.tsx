import { isInRange, LARGEST_SEED, type NumberRange, readSeed } from "@lllite/core/names"
import { jsonSeed, type Recipe } from "@lllite/core/recipe"
import type { JSX } from "preact"
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks"
import { messages } from "../language/language.ts"

interface SliderFieldProps {
  readonly label: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly step: number
  readonly disabled?: boolean
  readonly onValue: (value: number) => void
  /** Called when the slider is released. */
  readonly onRelease?: () => void
  readonly hint?: string
  readonly class?: string
  /** Digits after the point. Default: 2 */
  readonly digits?: number
}

/** A number on a slider, with its value beside it. */
export function SliderField(props: SliderFieldProps): JSX.Element {
  const { label, hint, value, min, max, step, onValue, onRelease, digits = 2 } = props
  const id = useId()
  return (
    <div class={`field ${props.class ?? ""}`}>
      <span class="field-head">
        <label for={id}>{label}</label>
        <output for={id}>{value.toFixed(digits)}</output>
      </span>
      <input
        id={id}
        type="range"
        {...{ min, max, step, value }}
        disabled={props.disabled === true}
        onInput={(event) => onValue(Number(event.currentTarget.value))}
        onChange={() => onRelease?.()}
      />
      {hint !== undefined && <small>{hint}</small>}
    </div>
  )
}

interface NumberFieldProps {
  readonly label: string
  readonly value: number
  /** The range of core, which the command has, too. */
  readonly range: NumberRange
  /** A value that asks for nothing, beside the range. */
  readonly nothing?: number
  readonly hint?: string
  readonly disabled?: boolean
  readonly onValue: (value: number) => void
}

/** A field for a number of a range. */
export function NumberField({ label, value, range, nothing, hint, disabled, onValue }: NumberFieldProps): JSX.Element {
  return (
    <TextField
      {...{ label, value, onValue }}
      {...(hint === undefined ? {} : { hint })}
      disabled={disabled === true}
      inputMode={range.integer === true ? "numeric" : "decimal"}
      expected={messages.value.page.range(range)}
      read={(text) => {
        const number = readNumber(text)
        return number !== null && (number === nothing || isInRange(number, range)) ? number : null
      }}
    />
  )
}

/** The number of a text, also `3e-4`. Null if it is none. */
export function readNumber(text: string): number | null {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null
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
  return (
    <TextField
      {...props}
      disabled={disabled}
      inputMode="numeric"
      expected={messages.value.page.seedRange(String(LARGEST_SEED))}
      read={read}
    />
  )
}

interface TextFieldProps<Value> {
  readonly label: string
  readonly value: Value
  readonly hint?: string
  readonly disabled: boolean
  readonly inputMode: "numeric" | "decimal" | "text"
  /** In words, for a wrong text. */
  readonly expected: string
  /** The value of a text. Null: the text is wrong. */
  readonly read: (text: string) => Value | null
  readonly onValue: (value: Value) => void
}

/**
 * A field for a value as text. Text that is not a value is reported beside it and changes nothing. Its form cannot be sent
 * until it is corrected, so the value that is used is always the value that is shown.
 */
export function TextField<Value extends number | string>(props: TextFieldProps<Value>): JSX.Element {
  const { label, value, hint, disabled, inputMode, expected, read, onValue } = props
  const [text, setText] = useState(String(value))
  useEffect(() => setText((typed) => (read(typed.trim()) === value ? typed : String(value))), [value])
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  const problem = read(text.trim()) === null ? messages.value.page.expected(expected) : ""
  useLayoutEffect(() => input.current?.setCustomValidity(problem), [problem])
  const described = [...(hint === undefined ? [] : [`${id}-hint`]), ...(problem === "" ? [] : [`${id}-problem`])]
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        ref={input}
        id={id}
        type="text"
        inputMode={inputMode}
        autocomplete="off"
        spellcheck={false}
        value={text}
        disabled={disabled}
        aria-invalid={problem !== ""}
        aria-describedby={described.length === 0 ? undefined : described.join(" ")}
        onInput={(event) => {
          const typed = event.currentTarget.value
          setText(typed)
          const found = read(typed.trim())
          if (found !== null) onValue(found)
        }}
      />
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
      {problem !== "" && (
        <small class="problem" id={`${id}-problem`}>
          {problem}
        </small>
      )}
    </div>
  )
}

interface ChoiceFieldProps<Name extends string> {
  readonly label: string
  readonly value: Name
  readonly names: readonly Name[]
  /** Default: the name itself, which is the same in every language */
  readonly textOf?: (name: Name) => string
  readonly disabled?: boolean
  /** Null: none. */
  readonly hint?: string | null
  readonly onValue: (value: Name) => void
}

/** A field for one of several names. */
export function ChoiceField<Name extends string>(props: ChoiceFieldProps<Name>): JSX.Element {
  const { label, value, names, textOf, disabled, hint = null, onValue } = props
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled === true}
        aria-describedby={hint === null ? undefined : `${id}-hint`}
        onChange={(event) => {
          const name = names.find((name) => name === event.currentTarget.value)
          if (name !== undefined) onValue(name)
        }}
      >
        {names.map((name) => (
          <option key={name} value={name} translate={textOf !== undefined && textOf(name) !== name}>
            {textOf?.(name) ?? name}
          </option>
        ))}
      </select>
      {hint !== null && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  )
}
