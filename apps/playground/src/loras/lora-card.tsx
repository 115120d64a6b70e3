import type { JSX } from "preact"
import { openNetwork } from "../controls/open-network.ts"
import { followChange } from "../draw/make-picture.ts"
import { useOpening } from "../draw/use-opening.ts"
import { messages } from "../language/language.ts"
import { sentence } from "../language/sentence.ts"
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
        <FileButton label={messages.value.controls.openLora} quiet accept=".safetensors" onFiles={onFiles} />
      </div>
      <Problem of={problem} />
      {loras.value.map((use) => (
        <Lora key={use.id} use={use} />
      ))}
    </section>
  )
}

function Lora({ use }: { readonly use: LoraUse }): JSX.Element {
  const { id, network, strength, textStrength } = use
  const isOne = strength === textStrength
  const words = messages.value.controls
  return (
    <fieldset class="lora">
      <legend class="visually-hidden">{words.loraNamed(network)}</legend>
      <div class="lora-head">
        <span class="lora-name" translate={false}>
          {network}
        </span>
        <button
          type="button"
          class="quiet icon-button"
          aria-label={words.removeLora(network)}
          title={messages.value.page.remove}
          onClick={() => {
            const before = loras.value
            loras.value = before.filter((one) => one.id !== id)
            followChange()
            say(sentence("controls", "loraRemoved", network), () => {
              loras.value = putBack(loras.value, before, [use])
              followChange()
            })
          }}
        >
          <Icon name="close" />
        </button>
      </div>
      <SliderField
        label={words.strength}
        value={strength}
        min={-1}
        max={2}
        step={0.05}
        onValue={(strength) => changeLora(id, isOne ? { strength, textStrength: strength } : { strength })}
        onRelease={followChange}
      />
      <details class="more">
        <summary>{isOne ? words.textAsMuch : words.textOf(textStrength.toFixed(2))}</summary>
        <SliderField
          label={words.textStrength}
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
