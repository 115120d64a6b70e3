import { LR_CURVES, OPTIMIZERS, type OptimizerName } from "@lllite/core/names"
import type { JSX } from "preact"
import { useRef } from "preact/hooks"
import { messages } from "../language/language.ts"
import { ChoiceField, NumberField, SeedField, TextField } from "../page/fields.tsx"
import { Problem } from "../page/problem.tsx"
import type { NumberName, NumberSetting, TrainSettings } from "./train-settings.ts"
import {
  CURVE_NUMBERS,
  curveFields,
  hasRate,
  hasRightPieces,
  hasSchedule,
  MORE_NUMBERS,
  missingFields,
  piecesExpected,
  RUN_NUMBERS,
  SAMPLE_EVERY,
  STRENGTHS,
  settingsNotices,
  settingsProblem,
  withSteps,
} from "./train-settings.ts"
import { settings } from "./train-state.ts"

const OPTIMIZER_NAMES = Object.keys(OPTIMIZERS) as OptimizerName[]
const STARTS = ["normalised", "default"] as const

function change(changes: Partial<TrainSettings>): void {
  settings.value = { ...settings.value, ...changes }
}

function namesOf<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(table) as Name[]
}

/** All settings of a training. */
export function SettingsForm({ isLocked }: { readonly isLocked: boolean }): JSX.Element {
  const { seed, optimizer, curve, pieces, init, sampleEvery, strengths } = settings.value
  const more = useRef<HTMLDetailsElement>(null)
  const words = messages.value.train
  const hints: Readonly<Partial<Record<NumberName, string>>> = words.hints
  const props = (name: NumberName, { default: _, ...setting }: NumberSetting) => ({
    ...{ ...setting, label: words.numbers[name], disabled: isLocked },
    ...(hints[name] === undefined ? {} : { hint: hints[name] }),
  })
  const numbers = <Name extends NumberName & keyof TrainSettings>(
    table: Readonly<Record<Name, NumberSetting>>,
    names: readonly Name[],
  ): JSX.Element[] =>
    names.map((name) => (
      <NumberField
        key={name}
        {...props(name, table[name])}
        value={Number(settings.value[name])}
        onValue={(value) => {
          settings.value = name === "steps" ? withSteps(settings.value, value) : { ...settings.value, [name]: value }
        }}
      />
    ))
  return (
    <>
      <div class="settings">
        {numbers(
          RUN_NUMBERS,
          namesOf(RUN_NUMBERS).filter((name) => name !== "learningRate" || hasRate(settings.value)),
        )}
        <ChoiceField
          label={words.optimizer}
          value={optimizer}
          names={OPTIMIZER_NAMES}
          hint={missingFields(settings.value, words)}
          disabled={isLocked}
          onValue={(optimizer) => change({ optimizer })}
        />
        {hasSchedule(settings.value) && (
          <ChoiceField
            label={words.schedule}
            value={curve}
            names={LR_CURVES}
            disabled={isLocked}
            onValue={(curve) => change({ curve })}
          />
        )}
        {numbers(CURVE_NUMBERS, curveFields(settings.value))}
        {hasSchedule(settings.value) && curve === "piecewise_constant" && (
          <TextField
            label={words.pieces}
            value={pieces}
            inputMode="text"
            disabled={isLocked}
            expected={words.piecesExpected(piecesExpected(settings.value))}
            read={(text) => (hasRightPieces({ ...settings.value, pieces: text }) ? text : null)}
            onValue={(pieces) => change({ pieces })}
          />
        )}
        <SeedField label={words.seed} value={seed} disabled={isLocked} onValue={(seed) => change({ seed })} />
        <NumberField
          {...props("sampleEvery", SAMPLE_EVERY)}
          value={sampleEvery}
          onValue={(sampleEvery) => change({ sampleEvery })}
        />
        <ChoiceField
          label={words.strengths}
          value={strengths}
          names={STRENGTHS}
          textOf={(name) => words.strengthsOf[name]}
          disabled={isLocked}
          onValue={(strengths) => change({ strengths })}
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
        <summary>{words.moreSettings}</summary>
        <div class="settings">
          {numbers(MORE_NUMBERS, namesOf(MORE_NUMBERS))}
          <ChoiceField
            label={words.init}
            value={init}
            names={STARTS}
            disabled={isLocked}
            onValue={(init) => change({ init })}
          />
        </div>
      </details>
      {settingsNotices(settings.value, words).map((notice) => (
        <p class="note" key={notice}>
          {notice}
        </p>
      ))}
      <Problem of={settingsProblem(settings.value)} />
    </>
  )
}
