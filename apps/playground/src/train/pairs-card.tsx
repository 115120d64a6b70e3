import type { JSX } from "preact"
import { useLayoutEffect } from "preact/hooks"
import { messages } from "../language/language.ts"
import { Notes } from "../language/said.tsx"
import { type Sentence, sentence } from "../language/sentence.ts"
import { droppedFiles, pickedFiles } from "../opening/dropped-files.ts"
import { openFiles } from "../opening/open-files.ts"
import { ChoiceField } from "../page/fields.tsx"
import { Problem } from "../page/problem.tsx"
import { putBack } from "../page/put-back.ts"
import { say } from "../page/status-line.tsx"
import { CONTROL_KINDS, type ControlKind, preparationOf } from "../pictures/control-kinds.ts"
import { FileButton, FileDrop } from "../pictures/file-drop.tsx"
import { Picture } from "../pictures/picture.tsx"
import { makeControl } from "../pictures/picture-reader.ts"
import { addPairs, pairNotices, pairProblems, pairWork, workOnPairs } from "./add-pairs.ts"
import { DRAWN, drawingNumber, type TrainingPair } from "./pairs.ts"
import { addDrawings, controlKind, endAdding, offerDrawings, pairs } from "./train-state.ts"

/** Pairs that are shown. Each has two canvases. */
const MOST_SHOWN = 60

/** The pairs of the next run, and what adds to them. */
export function PairsCard({ isLocked }: { readonly isLocked: boolean }): JSX.Element {
  useLayoutEffect(() => void offerDrawings(), [])
  const { value: work } = pairWork
  const isBusy = isLocked || work !== null
  const all = pairs.value
  const drawn = all.filter(isDrawn).length
  const made = all.filter(({ isMade }) => isMade).length
  const { train: words, page } = messages.value

  const remake = async (kind: ControlKind): Promise<void> => {
    controlKind.value = kind
    await workOnPairs(made, async (onDone) => {
      const remade = new Map<TrainingPair, TrainingPair>()
      for (const pair of pairs.value.filter(({ isMade }) => isMade)) {
        remade.set(pair, { ...pair, control: await makeControl(pair.image, preparationOf(kind, pair.image.width)) })
        onDone(made)
      }
      pairs.value = pairs.value.map((pair) => remade.get(pair) ?? pair)
    })
  }
  const change = (index: number, changes: Partial<TrainingPair>): void => {
    pairs.value = pairs.value.map((pair, i) => (i === index ? { ...pair, ...changes } : pair))
  }
  return (
    <FileDrop
      class="card pairs-card"
      disabled={isBusy}
      onFiles={(_, transfer) => void openFiles(droppedFiles(transfer), true)}
    >
      <h2>{words.pairs}</h2>
      <p class="note">{words.pairsNote}</p>
      {all.length === 0 && <p class="placeholder">{words.noPairs}</p>}
      <ul class="pairs" hidden={all.length === 0} aria-label={words.pairs}>
        {all.slice(0, MOST_SHOWN).map((pair, index) => (
          <li key={index}>
            <Picture image={pair.image} label={nameText(pair)} />
            <Picture image={pair.control} label={words.controlOf(nameText(pair))} />
            <input
              type="text"
              aria-label={words.captionOf(nameText(pair))}
              value={pair.caption}
              maxLength={2000}
              disabled={isLocked}
              onKeyDown={(event) => {
                // Enter ends a caption. It does not start a training of minutes.
                if (event.key === "Enter") event.preventDefault()
              }}
              onInput={(event) => change(index, { caption: event.currentTarget.value })}
            />
            <button
              type="button"
              class="remove"
              aria-label={page.removeNamed(nameText(pair))}
              disabled={isBusy}
              onClick={() => {
                pairs.value = pairs.value.filter((_, i) => i !== index)
              }}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
      {all.length > MOST_SHOWN && <p class="note">{words.firstShown(MOST_SHOWN, all.length)}</p>}
      <div class="row">
        <button type="button" disabled={isBusy} onClick={() => void addDrawings()}>
          {words.addDrawings(DRAWN)}
        </button>
        <FileButton
          label={words.addPictures}
          accept="image/*,.txt,.caption"
          multiple
          disabled={isBusy}
          onFiles={(files) => void addPairs(pickedFiles(files))}
        />
        <FileButton
          label={words.addFolder}
          accept=""
          folder
          disabled={isBusy}
          onFiles={(files) => void addPairs(pickedFiles(files))}
        />
        {drawn > 0 && drawn < all.length && (
          <button type="button" disabled={isBusy} onClick={() => removePairs((pair) => !isDrawn(pair))}>
            {words.removeDrawings(drawn)}
          </button>
        )}
        <button
          type="button"
          disabled={isBusy || all.length === 0}
          onClick={() => {
            endAdding()
            removePairs(() => false)
          }}
        >
          {words.removeAll}
        </button>
      </div>
      <div class="settings controls-of-pairs">
        <ChoiceField
          label={words.controlsMadeBy}
          value={controlKind.value}
          names={CONTROL_KINDS}
          disabled={isBusy}
          onValue={(kind) => void remake(kind)}
        />
      </div>
      {work !== null && (
        <label class="progress">
          {words.readingPair(Math.min(work.done + 1, work.count), work.count)}
          <progress max={work.count} value={work.done} />
        </label>
      )}
      <Problem of={pairProblems.value.length === 0 ? null : pairProblems.value} />
      <div role="status">
        <Notes of={[...pairNotices.value, ...mixedNotice(all, controlKind.value)]} />
      </div>
    </FileDrop>
  )
}

/** Leaves out pairs. This can be undone. */
function removePairs(stays: (pair: TrainingPair, index: number) => boolean): void {
  const before = pairs.value
  pairs.value = before.filter(stays)
  const taken = before.filter((pair) => !pairs.value.includes(pair))
  say(sentence("train", "pairsRemoved", taken.length), () => {
    pairs.value = putBack(pairs.value, before, taken)
  })
}

function isDrawn(pair: TrainingPair): boolean {
  return drawingNumber(pair) !== null
}

/** The name of a pair as the page shows it. */
function nameText(pair: TrainingPair): string {
  const number = drawingNumber(pair)
  return number === null ? pair.name : messages.value.train.drawingNumbered(number)
}

/** Controls that are made here beside controls from files. Both are trained, and may be of two kinds. */
function mixedNotice(all: readonly TrainingPair[], kind: ControlKind): readonly Sentence[] {
  const made = all.filter(({ isMade }) => isMade).map(({ name }) => name)
  return made.length === all.length || made.length === 0 ? [] : [sentence("train", "mixed", made, kind)]
}
