import type { JSX } from "preact"
import { messages } from "../language/language.ts"
import { CURVE_POINTS } from "./control-state.ts"

interface CurveFieldProps {
  readonly curve: readonly number[] | null
  readonly onCurve: (curve: readonly number[] | null) => void
  /** Called when a point is released. */
  readonly onRelease: () => void
}

/** The largest factor of a point. */
const MOST = 2
const FLAT: readonly number[] = Array<number>(CURVE_POINTS).fill(1)

/** Factors on the strength over the noise schedule, as points of a curve. */
export function CurveField({ curve, onCurve, onRelease }: CurveFieldProps): JSX.Element {
  const words = messages.value.controls
  const points = curve ?? FLAT
  const line = points.map((value, i) => `${(100 * (i + 0.5)) / CURVE_POINTS},${100 - (100 * value) / MOST}`).join(" ")
  return (
    <fieldset class="field curve-field">
      <legend class="visually-hidden">{words.curveTitle}</legend>
      <div class="curve">
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          <line x1="0" x2="100" y1="50" y2="50" />
          <polyline points={line} />
        </svg>
        {points.map((value, i) => (
          <input
            key={i}
            type="range"
            aria-label={words.factorAt(i / (CURVE_POINTS - 1))}
            min="0"
            max={MOST}
            step="0.1"
            value={value}
            onInput={(event) => {
              const changed = points.map((old, at) => (at === i ? Number(event.currentTarget.value) : old))
              onCurve(changed.every((value) => value === 1) ? null : changed)
            }}
            onChange={onRelease}
          />
        ))}
      </div>
      <div class="curve-ends">
        <span>{words.noiseEnd}</span>
        <button
          type="button"
          class="quiet"
          disabled={curve === null}
          onClick={() => {
            onCurve(null)
            onRelease()
          }}
        >
          {words.makeFlat}
        </button>
        <span>{words.pictureEnd}</span>
      </div>
    </fieldset>
  )
}
