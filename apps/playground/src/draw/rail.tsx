import type { JSX } from "preact"
import { ControlCard } from "../controls/control-card.tsx"
import { controls, networkChoice, newControl } from "../controls/control-state.ts"
import { followers } from "../controls/networks.ts"
import { openControlFile } from "../controls/open-control-file.ts"
import { messages } from "../language/language.ts"
import { LoraCard } from "../loras/lora-card.tsx"
import { Problem } from "../page/problem.tsx"
import { FileButton } from "../pictures/file-drop.tsx"
import { StartCard } from "../start/start-card.tsx"
import { followChange } from "./make-picture.ts"
import { SettingsCard } from "./settings-card.tsx"
import { useOpening } from "./use-opening.ts"

/** Controls that are offered. More are slower, and harder to tell apart. */
const MOST_CONTROLS = 4

/** The controls and the settings of the picture, beside the boards. */
export function Rail(): JSX.Element {
  const { problem, onFiles } = useOpening(openControlFile)
  const words = messages.value.controls
  return (
    <div class="rail">
      <section class="card" aria-labelledby="controls-title">
        <div class="card-head">
          <h2 id="controls-title">{controls.value.length > 1 ? words.controls : words.control}</h2>
          <span class="head-actions">
            <FileButton label={words.openFile} quiet accept=".safetensors" onFiles={onFiles} />
            <button
              type="button"
              class="quiet"
              disabled={controls.value.length >= MOST_CONTROLS}
              onClick={() => {
                const last = followers.value.at(-1)
                controls.value = [...controls.value, newControl(last === undefined ? {} : networkChoice(last))]
                followChange()
              }}
            >
              {words.add}
            </button>
          </span>
        </div>
        <Problem of={problem} />
        {controls.value.map((control, index) => (
          <ControlCard key={control.id} control={control} number={index + 1} />
        ))}
      </section>
      <StartCard />
      <LoraCard />
      <SettingsCard />
    </div>
  )
}
