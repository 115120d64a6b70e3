import type { JSX } from "preact"
import { useState } from "preact/hooks"
import { followChange } from "../draw/make-picture.ts"
import { draft } from "../draw/recipe-state.ts"
import { result } from "../draw/result.ts"
import { SliderField } from "../page/fields.tsx"
import { messageOf } from "../page/message.ts"
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
  const [problem, setProblem] = useState<string | null>(null)
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
      (error: unknown) => setProblem(messageOf(error)),
    )
  }
  return (
    <section class="card" aria-labelledby="start-title">
      <div class="card-head">
        <h2 id="start-title">Start</h2>
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
            From the picture
          </button>
          <FileButton label="From a file" quiet accept="image/*" onFiles={open} />
        </span>
      </div>
      <Problem text={problem} />
      {use === null ? <p class="note">It starts from noise.</p> : <Start use={use} />}
      <MaskDialog />
    </section>
  )
}

function Start({ use }: { readonly use: StartUse }): JSX.Element {
  const { picture, mask, strength } = use
  return (
    <>
      <div class="control-head">
        <span class="start-thumb">
          <Picture image={picture.image} label={`It starts from ${picture.name}`} />
          {mask !== null && <MaskOverlay mask={mask} />}
        </span>
        <div class="control-what">
          <p class="control-source">
            {picture.name === MADE ? "A picture of this page" : picture.name}.{" "}
            {mask === null ? "All of it changes." : "The painted part changes."}
          </p>
          <div class="row">
            <button
              type="button"
              class="quiet"
              onClick={() => {
                isMasking.value = true
              }}
            >
              {mask === null ? "Paint a mask" : "Change the mask"}
            </button>
            <button
              type="button"
              class="quiet"
              onClick={() => {
                start.value = null
                followChange()
                say("It starts from noise again.", () => {
                  start.value = use
                  followChange()
                })
              }}
            >
              From noise
            </button>
          </div>
        </div>
      </div>
      <SliderField
        label="How much changes"
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
