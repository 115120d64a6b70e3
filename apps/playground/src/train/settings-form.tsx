import { LR_CURVES, OPTIMIZERS, type OptimizerName } from "@lllite/core/names"
import type { JSX } from "preact"
import { useRef } from "preact/hooks"
import { ChoiceField, NumberField, SeedField, TextField } from "../page/fields.tsx"
import { Problem } from "../page/problem.tsx"
import type { NumberSetting, TrainSettings } from "./train-settings.ts"
import {
  CURVE_NUMBERS,
  curveFields,
  MORE_NUMBERS,
  piecesExpected,
  piecesProblem,
  RUN_NUMBERS,
  SAMPLE_EVERY,
  settingsNotices,
  settingsProblem,
} from "./train-settings.ts"
import { settings } from "./train-state.ts"

const OPTIMIZER_NAMES = Object.keys(OPTIMIZERS) as OptimizerName[]
const STARTS = ["normalised", "default"] as const

function change(changes: Partial<TrainSettings>): void {
  settings.value = { ...settings.value, ...changes }
}

/** All settings of a training. */
export function SettingsForm({ isLocked }: { readonly isLocked: boolean }): JSX.Element {
  const { seed, optimizer, curve, pieces, init, sampleEvery } = settings.value
  const more = useRef<HTMLDetailsElement>(null)
  const numbers = (table: Readonly<Record<string, NumberSetting>>, names: readonly string[]): JSX.Element[] =>
    names.flatMap((name) => {
      const field = table[name]
      if (field === undefined) return []
      const { default: _, ...props } = field
      return [
        <NumberField
          key={name}
          {...props}
          value={settings.value[name as keyof typeof CURVE_NUMBERS]}
          disabled={isLocked}
          onValue={(value) => change({ [name]: value })}
        />,
      ]
    })
  const { default: _, ...sampling } = SAMPLE_EVERY
  return (
    <>
      <div class="settings">
        {numbers(RUN_NUMBERS, Object.keys(RUN_NUMBERS))}
        <ChoiceField
          label="Optimiser"
          value={optimizer}
          names={OPTIMIZER_NAMES}
          disabled={isLocked}
          onValue={(optimizer) => change({ optimizer })}
        />
        <ChoiceField
          label="Schedule"
          value={curve}
          names={LR_CURVES}
          disabled={isLocked}
          onValue={(curve) => change({ curve })}
        />
        {numbers(CURVE_NUMBERS, curveFields(settings.value))}
        {curve === "piecewise_constant" && (
          <TextField
            label="Pieces: factor:step, …, factor"
            value={pieces}
            inputMode="text"
            disabled={isLocked}
            expected={piecesExpected(settings.value)}
            read={(text) => (piecesProblem({ ...settings.value, pieces: text }) === "" ? text : null)}
            onValue={(pieces) => change({ pieces })}
          />
        )}
        <SeedField label="Seed" value={seed} disabled={isLocked} onValue={(seed) => change({ seed })} />
        <NumberField
          {...sampling}
          value={sampleEvery}
          disabled={isLocked}
          onValue={(sampleEvery) => change({ sampleEvery })}
        />
      </div>
      <details
        class="more"
        ref={more}
        onInvalidCapture={() => {
          // A field that is wrong has to be seen.
          if (more.current !== null) more.current.open = true
        }}
      >
        <summary>More settings</summary>
        <div class="settings">
          {numbers(MORE_NUMBERS, Object.keys(MORE_NUMBERS))}
          <ChoiceField
            label="Start of the control's embedding"
            value={init}
            names={STARTS}
            disabled={isLocked}
            onValue={(init) => change({ init })}
          />
        </div>
      </details>
      {settingsNotices(settings.value).map((notice) => (
        <p class="note" key={notice}>
          {notice}
        </p>
      ))}
      <Problem text={settingsProblem(settings.value) || null} />
    </>
  )
}
