import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { followChange } from "../draw/make-picture.ts"
import { drawing } from "../draw/sheet-state.ts"
import { messages } from "../language/language.ts"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { ChoiceField, SliderField } from "../page/fields.tsx"
import { Icon } from "../page/icons.tsx"
import { Problem } from "../page/problem.tsx"
import { putBack } from "../page/put-back.ts"
import { say } from "../page/status-line.tsx"
import { CONTROL_KINDS } from "../pictures/control-kinds.ts"
import { FileButton } from "../pictures/file-drop.tsx"
import { Picture } from "../pictures/picture.tsx"
import { changeNotices } from "../pictures/picture-changes.ts"
import { readPicture } from "../pictures/picture-reader.ts"
import type { Control } from "./control-state.ts"
import { changeControl, controlPictures, controls, edgeChange, edgeOptions, networkChoice } from "./control-state.ts"
import { CurveField } from "./curve-field.tsx"
import { networkText } from "./network-text.ts"
import { followers, networkOf } from "./networks.ts"
import { WindowField } from "./window-field.tsx"

/** Gradients are at most four times 255. */
const MOST_GRADIENT = 1000
/** Sigma of the widest blur that is offered, in pixels. A wider one leaves few edges of a drawing. */
const MOST_BLUR = 5

/** Options of edges that have sliders, and the one that is mostly the same. */
const EDGE_OPTIONS: readonly string[] = ["low", "high", "blur", "grey"]

/** A control: its LLLite, what it follows, and how much. */
export function ControlCard({ control, number }: { readonly control: Control; readonly number: number }): JSX.Element {
  const { id, network, type, picture, kind, strength, window, curve } = control
  const [problem, setProblem] = useState<Sentence | null>(null)
  const words = messages.value.controls
  const seen = controlPictures.value.get(id)
  const names = followers.value.map(({ name }) => name)
  const types = networkOf(network)?.types ?? []
  const edges = edgeOptions(control)
  const change = (changes: Partial<Omit<Control, "id">>): void => changeControl(id, changes)
  /** A change that is whole at once. A slider's is whole when it is released. */
  const set = (changes: Partial<Omit<Control, "id">>): void => {
    change(changes)
    followChange()
  }
  const open = ([file]: readonly File[]): void => {
    if (file === undefined) return
    readPicture(file, drawing.value.width).then(
      ({ image, changes }) => {
        setProblem(null)
        set({ picture: { name: file.name, image } })
        const [notice] = changeNotices([{ name: file.name, changes }])
        if (notice !== undefined) say(notice)
      },
      (error: unknown) => setProblem(problemOf(error)),
    )
  }
  return (
    <fieldset class="control">
      <legend class="visually-hidden">{words.numbered(number)}</legend>
      <div class="control-head">
        {seen !== undefined && <Picture image={seen} label={words.follows(number)} />}
        <div class="control-what">
          <ChoiceField
            label={networkOf(network)?.kind === "controlnet" ? "ControlNet" : "LLLite"}
            value={network}
            names={names.includes(network) ? names : [network, ...names]}
            textOf={networkText}
            onValue={(name) => {
              const chosen = networkOf(name)
              if (chosen !== undefined) set(networkChoice(chosen))
            }}
          />
          {type !== null && types.length > 0 && (
            <ChoiceField label={words.type} value={type} names={types} onValue={(type) => set({ type })} />
          )}
          <p class="control-source">
            {picture === null ? words.followsDrawing : words.followsNamed(picture.name)}
            {picture === null ? (
              <FileButton label={words.anotherPicture} quiet accept="image/*" onFiles={open} />
            ) : (
              <button
                type="button"
                class="quiet"
                onClick={() => {
                  set({ picture: null })
                  say(sentence("controls", "followsDrawingAgain", number), () => set({ picture }))
                }}
              >
                {words.theDrawing}
              </button>
            )}
          </p>
        </div>
        {controls.value.length > 1 && (
          <button
            type="button"
            class="quiet remove-control"
            aria-label={words.removeNumbered(number)}
            title={messages.value.page.remove}
            onClick={() => {
              const before = controls.value
              controls.value = before.filter((one) => one.id !== id)
              const taken = before.filter((one) => one.id === id)
              followChange()
              say(sentence("controls", "removedNumbered", number), () => {
                controls.value = putBack(controls.value, before, taken)
                followChange()
              })
            }}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
      <Problem of={problem} />
      <SliderField
        label={words.strength}
        value={strength}
        min={0}
        max={2}
        step={0.05}
        onValue={(strength) => change({ strength })}
        onRelease={followChange}
      />
      <WindowField window={window} onWindow={(window) => change({ window })} onRelease={followChange} />
      <details class="more">
        <summary>
          {messages.value.page.list([...preparationTexts(control), curve === null ? words.flat : words.curve])}
        </summary>
        <ChoiceField
          label={words.preprocessor}
          value={kind}
          names={CONTROL_KINDS}
          textOf={(name) => (name === "none" ? words.preprocessorNone : name)}
          onValue={(kind) => set({ kind })}
        />
        {kind === "canny" && (
          <>
            <SliderField
              label={words.edgesContinue}
              value={edges.low}
              min={0}
              max={MOST_GRADIENT}
              step={10}
              digits={0}
              onValue={(low) => change(edgeChange(control, { low, high: Math.max(low, edges.high) }))}
              onRelease={followChange}
            />
            <SliderField
              label={words.edgesStart}
              value={edges.high}
              min={0}
              max={MOST_GRADIENT}
              step={10}
              digits={0}
              onValue={(high) => change(edgeChange(control, { high, low: Math.min(high, edges.low) }))}
              onRelease={followChange}
            />
            <SliderField
              label={words.edgesBlur}
              value={edges.blur}
              min={0}
              max={Math.max(MOST_BLUR, edges.blur)}
              step={0.1}
              digits={1}
              hint={words.edgesBlurHint}
              onValue={(blur) => change(edgeChange(control, { blur }))}
              onRelease={followChange}
            />
          </>
        )}
        <CurveField curve={curve} onCurve={(curve) => change({ curve })} onRelease={followChange} />
      </details>
    </fieldset>
  )
}

/** How a control is made, with the options that are not those of this page. */
function preparationTexts(of: Control): readonly string[] {
  const { kind, options } = of
  const words = messages.value.controls
  const others = Object.entries(options[kind] ?? {}).filter(
    ([name]) => kind !== "canny" || !EDGE_OPTIONS.includes(name),
  )
  // The page finds edges of the luma. A picture of another program may want those of each colour.
  const { grey } = options.canny ?? { grey: true }
  if (kind === "canny" && grey !== true) others.push(["grey", false])
  const { low, high, blur } = edgeOptions(of)
  return [
    kind === "canny" ? `${kind} ${low} / ${high}` : kind === "none" ? words.asItIs : kind,
    ...(kind === "canny" && blur !== 0 ? [words.blurred(blur)] : []),
    ...others.map(([name, value]) => `${name}=${value}`),
  ]
}
