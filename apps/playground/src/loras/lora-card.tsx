import type { JSX } from "preact"
import { openNetwork } from "../controls/open-network.ts"
import { followChange } from "../draw/make-picture.ts"
import { useOpening } from "../draw/use-opening.ts"
import { SliderField } from "../page/fields.tsx"
import { Icon } from "../page/icons.tsx"
import { Problem } from "../page/problem.tsx"
import { putBack } from "../page/put-back.ts"
import { say } from "../page/status-line.tsx"
import { FileButton } from "../pictures/file-drop.tsx"
import { changeLora, type LoraUse, loras } from "./lora-state.ts"

/** The LoRAs of the next picture, each with its strengths. */
export function LoraCard(): JSX.Element {
  const { problem, onFiles } = useOpening((file) => openNetwork({ kind: "lora", file, control: null, types: [] }))
  return (
    <section class="card" aria-labelledby="loras-title">
      <div class="card-head">
        <h2 id="loras-title">LoRA</h2>
        <FileButton label="Open a LoRA" quiet accept=".safetensors" onFiles={onFiles} />
      </div>
      <Problem text={problem} />
      {loras.value.map((use) => (
        <Lora key={use.id} use={use} />
      ))}
    </section>
  )
}

function Lora({ use }: { readonly use: LoraUse }): JSX.Element {
  const { id, network, strength, textStrength } = use
  const isOne = strength === textStrength
  return (
    <fieldset class="lora">
      <legend class="visually-hidden">LoRA {network}</legend>
      <div class="lora-head">
        <span class="lora-name">{network}</span>
        <button
          type="button"
          class="quiet icon-button"
          aria-label={`Remove the LoRA ${network}`}
          title="Remove"
          onClick={() => {
            const before = loras.value
            loras.value = before.filter((one) => one.id !== id)
            followChange()
            say(`The LoRA ${network} is not used.`, () => {
              loras.value = putBack(loras.value, before, [use])
              followChange()
            })
          }}
        >
          <Icon name="close" />
        </button>
      </div>
      <SliderField
        label="Strength"
        value={strength}
        min={-1}
        max={2}
        step={0.05}
        onValue={(strength) => changeLora(id, isOne ? { strength, textStrength: strength } : { strength })}
        onRelease={followChange}
      />
      <details class="more">
        <summary>{isOne ? "Text as much" : `Text ${textStrength.toFixed(2)}`}</summary>
        <SliderField
          label="Strength on the text"
          value={textStrength}
          min={-1}
          max={2}
          step={0.05}
          onValue={(textStrength) => changeLora(id, { textStrength })}
          onRelease={followChange}
        />
      </details>
    </fieldset>
  )
}
