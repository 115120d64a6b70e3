import { giveUp, isLive } from "../draw/make-picture.ts"
import { draft, withSide } from "../draw/recipe-state.ts"
import { resizeSheet } from "../draw/sheet-state.ts"
import { keepVae, nameVae } from "../kept/kept-vaes.ts"
import { PageError, remark, sentence } from "../language/sentence.ts"
import { type ModelSource, modelState, openingProblem, openModel } from "../page/model.ts"
import { say } from "../page/status-line.tsx"
import { heldBy, modelFacts } from "./model-facts.ts"
import { isDownload } from "./model-source.ts"
import { removeHidden } from "./stored-downloads.ts"

/** Loads another model, and sets the form to what it draws best with. @returns whether it is ready */
export async function openChosen(from: ModelSource): Promise<boolean> {
  if (heldBy.value === null) giveUp()
  const before = modelFacts.value
  if (isDownload(from)) await removeHidden()
  const isReady = await openModel(from)
  const { value: state } = modelState
  // Without another model the form stays as it is.
  if (state.phase !== "ready" || (!isReady && modelFacts.value === before)) return false
  const { best, isSmall, name } = modelFacts.value
  const sized = withSide(draft.value, state.from.side)
  const { steps, guidanceScale } = best
  draft.value = best === before.best ? sized : { ...sized, steps, guidanceScale, hires: null, tiles: null }
  resizeSheet(state.from.side)
  isLive.value = isSmall
  if (isReady) say([sentence("models", "isReady", name), ...state.sdxl.notices.map(remark)])
  return isReady
}

/**
 * Loads the model again with another VAE, and keeps its file over a reload. Null: its own.
 *
 * @throws PageError while no model is ready, and for a file that is broken or not a VAE
 */
export async function openVae(file: File | null): Promise<void> {
  const { value: state } = modelState
  if (state.phase !== "ready") throw new PageError(sentence("page", "modelNotReady"))
  const vae = file === null ? null : nameVae(file)
  const isReady = await openChosen({ ...state.from, vae })
  if (openingProblem.value !== null) throw new PageError(openingProblem.value)
  // The loading may have been stopped.
  const notKept = vae === null || !isReady ? null : await keepVae(vae)
  if (notKept !== null) say(notKept)
}

/** Chooses the side of pictures, in pixels. */
export function chooseSide(side: number): void {
  draft.value = withSide(draft.value, side)
  resizeSheet(side)
}
