import { GENERATE_RANGES, SAMPLER_NAMES } from "@lllite/core/names"
import type { JSX } from "preact"
import { ControlCard } from "../controls/control-card.tsx"
import { controls, newControl } from "../controls/control-state.ts"
import { lllites } from "../controls/lllites.ts"
import { ChoiceField, NumberField, SeedField, SliderField } from "../page/fields.tsx"
import { followChange, isCompared } from "./make-picture.ts"
import { changeRecipe, chooseSampler, draft, FIRST_RECIPE } from "./recipe-state.ts"

/** Controls that are offered. More are slower, and harder to tell apart. */
const MOST_CONTROLS = 4
const LARGEST_NEW_SEED = 2 ** 32

/** The controls and the settings of the picture, beside the boards. */
export function Rail(): JSX.Element {
  return (
    <div class="rail">
      <section class="card" aria-labelledby="controls-title">
        <div class="card-head">
          <h2 id="controls-title">{controls.value.length > 1 ? "Controls" : "Control"}</h2>
          <button
            type="button"
            class="quiet"
            disabled={controls.value.length >= MOST_CONTROLS}
            onClick={() => {
              const name = lllites.value.at(-1)?.name
              controls.value = [...controls.value, newControl(name === undefined ? {} : { lllite: name })]
              followChange()
            }}
          >
            Add a control
          </button>
        </div>
        {controls.value.map((control, index) => (
          <ControlCard key={control.id} control={control} number={index + 1} />
        ))}
      </section>
      <PictureCard />
    </div>
  )
}

function PictureCard(): JSX.Element {
  const { seed, steps, guidanceScale, sampler, negativePrompt } = draft.value
  return (
    <section class="card" aria-labelledby="picture-title">
      <div class="card-head">
        <h2 id="picture-title">Settings</h2>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            draft.value = { ...FIRST_RECIPE, prompt: draft.value.prompt }
            followChange()
          }}
        >
          Reset
        </button>
      </div>
      <div class="picture-fields">
        <div class="seed">
          <SeedField label="Seed" value={seed} onValue={(seed) => changeRecipe({ seed })} />
          <button
            type="button"
            onClick={() => {
              changeRecipe({ seed: Math.floor(Math.random() * LARGEST_NEW_SEED) })
              followChange()
            }}
          >
            New
          </button>
        </div>
        <NumberField
          label="Steps"
          value={steps}
          range={GENERATE_RANGES.steps}
          onValue={(steps) => changeRecipe({ steps })}
        />
      </div>
      <details class="more">
        <summary>
          Guidance {guidanceScale}, {sampler}
        </summary>
        <SliderField
          label="Guidance"
          value={guidanceScale}
          min={1}
          max={8}
          step={0.25}
          onValue={(guidanceScale) => changeRecipe({ guidanceScale })}
          onRelease={followChange}
        />
        <ChoiceField label="Sampler" value={sampler} names={SAMPLER_NAMES} onValue={chooseSampler} />
        <label class="field">
          Negative prompt
          <input
            type="text"
            value={negativePrompt}
            maxLength={400}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => changeRecipe({ negativePrompt: event.currentTarget.value })}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isCompared.value}
            onChange={(event) => {
              isCompared.value = event.currentTarget.checked
            }}
          />
          Make it without control, too, to compare
        </label>
      </details>
    </section>
  )
}
