import { GENERATE_RANGES, SAMPLER_NAMES, SAMPLERS } from "@lllite/core/names"
import type { JSX } from "preact"
import { NumberField, SeedField, SliderField } from "../page/fields.tsx"
import { chosenLllite, lllites } from "../page/model.ts"
import { changeAdapter, changeRecipe, chooseSampler, isCompared, recipe } from "./steer-state.ts"

/** All settings of a picture except the prompt. */
export function SettingsForm(): JSX.Element {
  const { seed, steps, guidanceScale, sampler, adapters } = recipe.value
  const {
    strength,
    window: { start, end },
  } = adapters[0]
  return (
    <div class="settings">
      <label class="field wide">
        LLLite
        <select
          value={String(chosenLllite.value)}
          onChange={(event) => {
            chosenLllite.value = Number(event.currentTarget.value)
          }}
        >
          {lllites.value.length === 0 ? <option value="0">loading …</option> : null}
          {lllites.value.map(({ name }, index) => (
            <option key={index} value={String(index)}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <SliderField
        label="Strength"
        class="alone"
        value={strength}
        min={0}
        max={2}
        step={0.05}
        onValue={(strength) => changeAdapter({ strength })}
      />
      <SliderField
        label="Window from"
        hint="0 is pure noise"
        value={start}
        min={0}
        max={1}
        step={0.05}
        onValue={(start) => changeAdapter({ window: { start, end: Math.max(start, end) } })}
      />
      <SliderField
        label="Window to"
        hint="1 is the finished picture"
        value={end}
        min={0}
        max={1}
        step={0.05}
        onValue={(end) => changeAdapter({ window: { end, start: Math.min(start, end) } })}
      />
      <SliderField
        label="Guidance"
        class="alone"
        value={guidanceScale}
        min={1}
        max={8}
        step={0.25}
        onValue={(guidanceScale) => changeRecipe({ guidanceScale })}
      />
      <NumberField
        label="Steps"
        value={steps}
        range={GENERATE_RANGES.steps}
        onValue={(steps) => changeRecipe({ steps })}
      />
      <SeedField label="Seed" value={seed} onValue={(seed) => changeRecipe({ seed })} />
      <label class="field">
        Sampler
        <select
          value={sampler}
          onChange={(event) => {
            const name = SAMPLER_NAMES.find((name) => name === event.currentTarget.value)
            if (name !== undefined) chooseSampler(name)
          }}
        >
          {Object.keys(SAMPLERS).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={isCompared.value}
          onChange={(event) => {
            isCompared.value = event.currentTarget.checked
          }}
        />
        Make it without the LLLite, too, for comparison
      </label>
    </div>
  )
}
