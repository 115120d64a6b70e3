import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { followChange } from "../draw/make-picture.ts"
import { draft } from "../draw/recipe-state.ts"
import { result } from "../draw/result.ts"
import { messages } from "../language/language.ts"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import { SliderField } from "../page/fields.tsx"
import { Problem } from "../page/problem.tsx"
import { say } from "../page/status-line.tsx"
import { FileButton } from "../pictures/file-drop.tsx"
import { Picture } from "../pictures/picture.tsx"
import { changeNotices } from "../pictures/picture-changes.ts"
import { readPicture } from "../pictures/picture-reader.ts"
import { isMasking, MaskDialog } from "./mask-dialog.tsx"
import { MaskOverlay } from "./mask-overlay.tsx"
import { type StartUse, start, startFrom } from "./start-state.ts"

/** The name in recipes of a picture that was made here. */
const MADE = "picture"

/** Starts the next picture from the one that is shown. */
export function startFromShown(): void {
  const { value } = result
  if (value === null) return
  startFrom({ name: MADE, image: value.image })
}

/** What the next picture starts from: noise, or a picture of which all or a painted part changes. */
export function StartCard(): JSX.Element {
  const [problem, setProblem] = useState<Sentence | null>(null)
  const words = messages.value.controls
  const use = start.value
  const made = result.value
  const open = ([file]: readonly File[]): void => {
    if (file === undefined) return
    readPicture(file, draft.value.width).then(
      ({ image, changes }) => {
        setProblem(null)
        startFrom({ name: file.name, image })
        followChange()
        const [notice] = changeNotices([{ name: file.name, changes }])
        if (notice !== undefined) say(notice)
      },
      (error: unknown) => setProblem(problemOf(error)),
    )
  }
  return (
    <section class="card" aria-labelledby="start-title">
      <div class="card-head">
        <h2 id="start-title">{words.start}</h2>
        <span class="head-actions">
          <button
            type="button"
            class="quiet"
            disabled={made === null || made.seconds === null}
            onClick={() => {
              startFromShown()
              followChange()
            }}
          >
            {words.fromPicture}
          </button>
          <FileButton label={words.fromFile} quiet accept="image/*" onFiles={open} />
        </span>
      </div>
      <Problem of={problem} />
      {use === null ? <p class="note">{words.startsFromNoise}</p> : <Start use={use} />}
      <MaskDialog />
    </section>
  )
}

function Start({ use }: { readonly use: StartUse }): JSX.Element {
  const { picture, mask, strength } = use
  const words = messages.value.controls
  return (
    <>
      <div class="control-head">
        <span class="start-thumb">
          <Picture image={picture.image} label={words.startsFrom(picture.name)} />
          {mask !== null && <MaskOverlay mask={mask} />}
        </span>
        <div class="control-what">
          <p class="control-source">
            {words.startOf(picture.name === MADE ? words.pictureOfPage : picture.name, mask !== null)}
          </p>
          <div class="row">
            <button
              type="button"
              class="quiet"
              onClick={() => {
                isMasking.value = true
              }}
            >
              {mask === null ? words.paintMask : words.changeMask}
            </button>
            <button
              type="button"
              class="quiet"
              onClick={() => {
                start.value = null
                followChange()
                say(sentence("controls", "startsFromNoiseAgain"), () => {
                  start.value = use
                  followChange()
                })
              }}
            >
              {words.fromNoise}
            </button>
          </div>
        </div>
      </div>
      <SliderField
        label={words.howMuch}
        value={strength}
        min={0.05}
        max={1}
        step={0.05}
        onValue={(strength) => {
          if (start.value !== null) start.value = { ...start.value, strength }
        }}
        onRelease={followChange}
      />
    </>
  )
}
