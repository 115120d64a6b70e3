import { countedNotice } from "@lllite/core/names"
import type { JSX } from "preact"
import { useLayoutEffect } from "preact/hooks"
import { droppedFiles, pickedFiles } from "../opening/dropped-files.ts"
import { counted } from "../page/counted.ts"
import { ChoiceField } from "../page/fields.tsx"
import { Problem } from "../page/problem.tsx"
import { putBack } from "../page/put-back.ts"
import { say } from "../page/status-line.tsx"
import { CONTROL_KINDS, type ControlKind } from "../pictures/control-kinds.ts"
import { FileButton, FileDrop } from "../pictures/file-drop.tsx"
import { Picture } from "../pictures/picture.tsx"
import { makeControl } from "../pictures/picture-reader.ts"
import { addPairs, pairNotices, pairProblems, pairWork, workOnPairs } from "./add-pairs.ts"
import { DRAWN, drawPairs, type TrainingPair } from "./pairs.ts"
import { controlKind, offerDrawings, pairs } from "./train-state.ts"

/** Pairs that are shown. Each has two canvases. */
const MOST_SHOWN = 60

/** The pairs of the next run, and what adds to them. */
export function PairsCard({ isLocked }: { readonly isLocked: boolean }): JSX.Element {
  useLayoutEffect(offerDrawings, [])
  const { value: work } = pairWork
  const isBusy = isLocked || work !== null
  const all = pairs.value
  const drawn = all.filter(isDrawn).length
  const made = all.filter(({ isMade }) => isMade).length

  const remake = async (kind: ControlKind): Promise<void> => {
    controlKind.value = kind
    await workOnPairs(made, async (onDone) => {
      const remade = new Map<TrainingPair, TrainingPair>()
      for (const pair of pairs.value.filter(({ isMade }) => isMade)) {
        remade.set(pair, { ...pair, control: await makeControl(pair.image, kind) })
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
      onFiles={(_, transfer) => void addPairs(droppedFiles(transfer))}
    >
      <h2>Pairs</h2>
      <p class="note">
        An LLLite learns from pairs of a picture and a control. Drop a folder or pictures here. A caption is a .txt file
        with the name of its picture. Controls have that name in a folder “conditioning”. Without one, they are made of
        the pictures.
      </p>
      {all.length === 0 && <p class="placeholder">There are no pairs. Add drawings, pictures or a folder.</p>}
      <ul class="pairs" hidden={all.length === 0} aria-label="Pairs">
        {all.slice(0, MOST_SHOWN).map((pair, index) => (
          <li key={index}>
            <Picture image={pair.image} label={pair.name} />
            <Picture image={pair.control} label={`Control of ${pair.name}`} />
            <input
              type="text"
              aria-label={`Caption of ${pair.name}`}
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
              aria-label={`Remove ${pair.name}`}
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
      {all.length > MOST_SHOWN && (
        <p class="note">
          The first {MOST_SHOWN} of {counted(all.length, "pair")} are shown. All are trained.
        </p>
      )}
      <div class="row">
        <button
          type="button"
          disabled={isBusy}
          onClick={() => {
            pairs.value = [...pairs.value, ...drawPairs(DRAWN, controlKind.value, nextDrawing(pairs.value))]
          }}
        >
          Add {DRAWN} drawings
        </button>
        <FileButton
          label="Add pictures"
          accept="image/*,.txt,.caption"
          multiple
          disabled={isBusy}
          onFiles={(files) => void addPairs(pickedFiles(files))}
        />
        <FileButton
          label="Add a folder"
          accept=""
          folder
          disabled={isBusy}
          onFiles={(files) => void addPairs(pickedFiles(files))}
        />
        {drawn > 0 && drawn < all.length && (
          <button type="button" disabled={isBusy} onClick={() => removePairs((pair) => !isDrawn(pair))}>
            Remove {counted(drawn, "drawing")}
          </button>
        )}
        <button type="button" disabled={isBusy || all.length === 0} onClick={() => removePairs(() => false)}>
          Remove all
        </button>
      </div>
      <div class="settings controls-of-pairs">
        <ChoiceField
          label="Controls made by"
          value={controlKind.value}
          names={CONTROL_KINDS}
          disabled={isBusy}
          onValue={(kind) => void remake(kind)}
        />
      </div>
      {work !== null && (
        <label class="progress">
          Reading {Math.min(work.done + 1, work.count)} of {work.count}
          <progress max={work.count} value={work.done} />
        </label>
      )}
      <Problem text={pairProblems.value.length === 0 ? null : pairProblems.value.join(" ")} />
      <div role="status">
        {[...pairNotices.value, ...mixedNotice(all, controlKind.value)].map((notice) => (
          <p class="note" key={notice}>
            {notice}
          </p>
        ))}
      </div>
    </FileDrop>
  )
}

/** Leaves out pairs. This can be undone. */
function removePairs(stays: (pair: TrainingPair, index: number) => boolean): void {
  const before = pairs.value
  pairs.value = before.filter(stays)
  const taken = before.filter((pair) => !pairs.value.includes(pair))
  say(`${counted(taken.length, "pair")} removed.`, () => {
    pairs.value = putBack(pairs.value, before, taken)
  })
}

/** Drawings have names that no file has. */
function isDrawn({ name, isMade }: TrainingPair): boolean {
  return isMade && /^drawing \d+$/.test(name)
}

/** The index of the first training drawing that is not among the pairs, counted on from the last one. */
function nextDrawing(all: readonly TrainingPair[]): number {
  return Math.max(0, ...all.filter(isDrawn).map(({ name }) => Number(name.slice("drawing ".length))))
}

/** Controls that are made here beside controls from files. Both are trained, and may be of two kinds. */
function mixedNotice(all: readonly TrainingPair[], kind: ControlKind): readonly string[] {
  const made = all.filter(({ isMade }) => isMade).map(({ name }) => name)
  if (made.length === all.length) return []
  return countedNotice(
    made,
    "pairs",
    (subject, isOne) =>
      `${subject} ${isOne ? "has a control" : "have controls"} of ${kind}, made here, beside pairs with controls from files. Remove ${isOne ? "it" : "them"} if the controls are of another kind.`,
  )
}
