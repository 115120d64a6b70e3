import { GENERATE_RANGES, SAMPLER_NAMES } from "@lllite/core/names"
import type { JSX } from "preact"
import { messages } from "../language/language.ts"
import { sentence } from "../language/sentence.ts"
import { modelFacts } from "../models/model-facts.ts"
import { chooseSide } from "../models/open-chosen.ts"
import { ChoiceField, NumberField, SeedField, SliderField } from "../page/fields.tsx"
import { say } from "../page/status-line.tsx"
import { followChange, isCompared } from "./make-picture.ts"
import { changeRecipe, changeStages, chooseSampler, draft, FIRST_RECIPE, withBest } from "./recipe-state.ts"
import { drawing, resizeSheet } from "./sheet-state.ts"

const LARGEST_NEW_SEED = 2 ** 32
/** Scales of the first stage of hires fix that are offered. */
const SCALES = ["1", "0.75", "0.625", "0.5"] as const

/** Sets everything but the prompt to what the model draws best with. This can be undone. */
function resetSettings(): void {
  const before = draft.value
  const sheet = drawing.value
  const set = (settings: typeof before): void => {
    draft.value = { ...settings, prompt: draft.value.prompt }
    resizeSheet(settings.width)
    followChange()
  }
  set(withBest(FIRST_RECIPE, modelFacts.value))
  const resized = drawing.value
  say(sentence("draw", "settingsReset"), () => {
    // A sheet that was made smaller has lost pixels.
    if (drawing.value === resized) drawing.value = sheet
    set(before)
  })
}

/** The settings of the picture. */
export function SettingsCard(): JSX.Element {
  const { seed, steps, guidanceScale, sampler, negativePrompt, width } = draft.value
  const { sides } = modelFacts.value
  const words = messages.value.draw
  return (
    <section class="card" aria-labelledby="picture-title">
      <div class="card-head">
        <h2 id="picture-title">{words.settings}</h2>
        <button type="button" class="quiet" onClick={resetSettings}>
          {words.reset}
        </button>
      </div>
      <div class="picture-fields">
        <div class="seed">
          <SeedField label={words.seed} value={seed} onValue={(seed) => changeRecipe({ seed })} />
          <button
            type="button"
            onClick={() => {
              changeRecipe({ seed: Math.floor(Math.random() * LARGEST_NEW_SEED) })
              followChange()
            }}
          >
            {words.newSeed}
          </button>
        </div>
        <NumberField
          label={words.steps}
          value={steps}
          range={GENERATE_RANGES.steps}
          onValue={(steps) => changeRecipe({ steps })}
        />
      </div>
      <details class="more">
        <summary>{words.guidanceOf(guidanceScale, sampler)}</summary>
        <SliderField
          label={words.guidance}
          value={guidanceScale}
          min={1}
          max={15}
          step={0.25}
          onValue={(guidanceScale) => changeRecipe({ guidanceScale })}
          onRelease={followChange}
        />
        <ChoiceField label={words.sampler} value={sampler} names={SAMPLER_NAMES} onValue={chooseSampler} />
        <label class="field">
          {words.negativePrompt}
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
          {words.alsoWithout}
        </label>
      </details>
      <details class="more">
        <summary>{sizeText()}</summary>
        <ChoiceField
          label={words.size}
          value={String(width)}
          names={sides.map(String)}
          textOf={(side) => `${side} × ${side} px`}
          onValue={(side) => {
            chooseSide(Number(side))
            followChange()
          }}
        />
        <Stages />
      </details>
    </section>
  )
}

function sizeText(): string {
  const { width, hires, tiles } = draft.value
  return messages.value.draw.sizeOf(`${width} × ${width} px`, hires !== null, tiles?.size ?? null)
}

/** How a large picture is made: from a smaller one, or in tiles. */
function Stages(): JSX.Element {
  const { width, hires, tiles, steps } = draft.value
  const tileSides = modelFacts.value.sides.filter((side) => side < width && side % 32 === 0 && side >= 64)
  const names = ["whole", ...tileSides.map(String)]
  const scale = hires === null ? "1" : String(hires.scale)
  const words = messages.value.draw
  return (
    <>
      <ChoiceField
        label={words.hires}
        value={scale}
        names={SCALES.some((name) => name === scale) ? SCALES : [scale, ...SCALES]}
        textOf={(scale) =>
          scale === "1" ? words.hiresOff : words.hiresFirst(Math.round((Number(scale) * width) / 32) * 32)
        }
        onValue={(scale) =>
          changeStages({
            hires: scale === "1" ? null : { scale: Number(scale), steps, strength: hires?.strength ?? 0.6 },
          })
        }
      />
      {hires !== null && (
        <SliderField
          label={words.hiresStrength}
          value={hires.strength}
          min={0.05}
          max={1}
          step={0.05}
          onValue={(strength) => changeStages({ hires: { ...hires, strength } })}
        />
      )}
      <ChoiceField
        label={words.tiles}
        value={tiles === null ? "whole" : String(tiles.size)}
        names={tiles === null || names.includes(String(tiles.size)) ? names : [...names, String(tiles.size)]}
        textOf={(name) => (name === "whole" ? words.tilesOff : `${name} px`)}
        onValue={(name) => changeStages({ tiles: name === "whole" ? null : { size: Number(name) } })}
      />
    </>
  )
}
