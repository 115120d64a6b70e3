import { signal } from "@preact/signals"
import { Fragment, type JSX } from "preact"
import { messages } from "../language/language.ts"
import { problemOf, sentence } from "../language/sentence.ts"
import { Icon } from "../page/icons.tsx"
import { Segments } from "../page/segments.tsx"
import { say } from "../page/status-line.tsx"
import { Picture } from "../pictures/picture.tsx"
import { save as saveFile } from "../pictures/save.ts"
import { pngOf } from "../recipes/picture-file.ts"
import { restore } from "../recipes/restore.ts"
import { removePicture, shelf } from "../shelf/shelf-state.ts"
import { SweepButton } from "../sweep/sweep-dialog.tsx"
import { Compare } from "./compare.tsx"
import { CopyAs } from "./copy-as-menu.tsx"
import { drawState, stop } from "./make-picture.ts"
import { isOutdated, type Result, result } from "./result.ts"
import { UseAs } from "./use-as-menu.tsx"

const VIEWS = ["with", "compare", "without"] as const

/** What stands between the parts of a caption in every language. */
const SEPARATOR = " · "
type View = (typeof VIEWS)[number]
const view = signal<View>("with")

/** The board of the picture: the picture, what it follows from, and what to do with it. */
export function ResultBoard(): JSX.Element {
  const made = result.value
  const state = drawState.value
  const kept = made === null || made.id === null ? undefined : shelf.value.find(({ id }) => id === made.id)
  const isFinal = made !== null && made.seconds !== null
  const { draw: words, page } = messages.value
  return (
    <>
      <div class="board-head">
        <h2>{words.picture}</h2>
        <span class="board-caption" title={made === null ? undefined : captionOf(made)}>
          {made !== null && <Caption text={captionOf(made)} />}
        </span>
        {made !== null && made.plain !== null && (
          <Segments label={words.views} values={VIEWS} textOf={(name) => words[name]} of={view} />
        )}
      </div>
      <div class="board-square result" data-final={isFinal} data-quality={made?.quality}>
        {made === null ? (
          <p class="placeholder">{state.phase === "running" ? words.beginsAsNoise : words.placeholder}</p>
        ) : (
          <Shown made={made} />
        )}
        {isOutdated.value && state.phase !== "running" && made !== null && (
          <p class="outdated">
            {words.outdated}
            <button type="button" onClick={() => takeSettings(made)}>
              {words.useThem}
            </button>
          </p>
        )}
        {state.phase === "running" && (
          <progress class="board-progress" aria-label={words[state.what]} max={state.steps} value={state.step} />
        )}
        {/* Of a picture in full quality, the button below the boards is the one that stops it. */}
        {state.phase === "running" && state.quality === "live" && (
          <button type="button" class="stop-live" onClick={stop}>
            {page.stop}
          </button>
        )}
      </div>
      <div class="tools result-tools">
        <button type="button" disabled={!isFinal} onClick={() => made !== null && save(made)}>
          {words.save}
        </button>
        <CopyAs made={isFinal ? made : null} />
        <UseAs made={isFinal ? made : null} />
        <SweepButton />
        {kept !== undefined && (
          <button
            type="button"
            class="tool"
            aria-label={words.removePicture}
            title={page.remove}
            onClick={() => void removePicture(kept)}
          >
            <Icon name="clear" />
          </button>
        )}
      </div>
    </>
  )
}

function Shown({ made: { image, plain, seconds } }: { readonly made: Result }): JSX.Element {
  const words = messages.value.draw
  if (seconds === null) return <Picture image={image} label={words.estimate} />
  if (plain === null || view.value === "with") return <Picture image={image} label={words.generated} />
  if (view.value === "without") return <Picture image={plain} label={words.pictureWithout} />
  return <Compare {...{ image, plain }} />
}

/** A text of parts. A line ends between two of them, and what separates these is not seen there. */
function Caption({ text }: { readonly text: string }): JSX.Element {
  const [first, ...others] = text.split(SEPARATOR)
  return (
    <>
      <span class="part">{first}</span>
      {others.map((part) => (
        <Fragment key={part}>
          {" "}
          <span class="part">
            <span class="separator">{SEPARATOR.trimStart()}</span>
            {part}
          </span>
        </Fragment>
      ))}
    </>
  )
}

function captionOf({ recipe: { seed, steps }, seconds }: Result): string {
  return messages.value.draw.caption(String(seed), steps, seconds)
}

/** Sets what a picture follows from. */
function takeSettings(made: Result): void {
  const { notices, undo } = restore(made)
  say([sentence("draw", "settingsOfPictureSet"), ...notices], undo)
}

function save(made: Result): void {
  pngOf(made.image, made).then(
    (blob) => saveFile("lllite.png", blob),
    (error: unknown) => say(sentence("draw", "notSaved", problemOf(error))),
  )
}
