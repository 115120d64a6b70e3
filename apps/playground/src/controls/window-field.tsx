import type { JSX } from "preact"
import { useId } from "preact/hooks"
import { messages } from "../language/language.ts"
import type { Control } from "./control-state.ts"

interface WindowFieldProps {
  readonly window: Control["window"]
  readonly onWindow: (window: Control["window"]) => void
  /** Called when a handle is released. */
  readonly onRelease: () => void
}

const STEP = 0.05

/** The part of the noise schedule on which a control acts, with a handle at each end. */
export function WindowField({ window: { start, end }, onWindow, onRelease }: WindowFieldProps): JSX.Element {
  const id = useId()
  const words = messages.value.controls
  const ends = [
    { label: words.actsFrom, value: start, set: (start: number) => onWindow({ start, end: Math.max(start, end) }) },
    { label: words.actsTo, value: end, set: (end: number) => onWindow({ start: Math.min(start, end), end }) },
  ] as const
  return (
    <fieldset class="field window-field">
      <legend class="field-head">
        <span id={id}>{words.window}</span>
        <output>
          {start.toFixed(2)} – {end.toFixed(2)}
        </output>
      </legend>
      <div class="window-track" style={{ "--start": `${100 * start}%`, "--end": `${100 * end}%` }}>
        {ends.map(({ label, value, set }) => (
          <input
            key={label}
            type="range"
            aria-label={label}
            min="0"
            max="1"
            step={STEP}
            value={value}
            onInput={(event) => set(Number(event.currentTarget.value))}
            onChange={onRelease}
          />
        ))}
      </div>
    </fieldset>
  )
}
