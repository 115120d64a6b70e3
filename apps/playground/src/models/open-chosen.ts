import { giveUp, isLive } from "../draw/make-picture.ts"
import { draft, withSide } from "../draw/recipe-state.ts"
import { resizeSheet } from "../draw/sheet-state.ts"
import { keepVae, nameVae } from "../kept/kept-vaes.ts"
import { PageError, remark, sentence } from "../language/sentence.ts"
import { keepPrecision, type Precision } from "../page/address.ts"
import {
  type ModelSource,
  modelState,
  openingProblem,
  openModel,
  type ReadyModel,
  restartModel,
} from "../page/model.ts"
import { say } from "../page/status-line.tsx"
import { heldBy, type ModelFacts, modelFacts } from "./model-facts.ts"
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
  fitForm(state, before)
  if (isReady) say([sentence("models", "isReady", modelFacts.value.name), ...state.sdxl.notices.map(remark)])
  return isReady
}

/** Starts the runtime anew, with the same model. If that cannot be loaded, the form fits the built-in one. */
export async function startAgain(): Promise<void> {
  giveUp()
  const before = modelFacts.value
  await restartModel()
  const { value: state } = modelState
  if (state.phase === "ready" && modelFacts.value.path !== before.path) fitForm(state, before)
}

/** Chooses the precision of products on WebGPU. A running training keeps the one that it has. */
export async function choosePrecision(chosen: Precision): Promise<void> {
  if (heldBy.value === null) keepPrecision(chosen)
  await startAgain()
}

/** Sets the form to what a model draws best with. @param before the model that it was set to */
function fitForm({ from }: ReadyModel, before: ModelFacts): void {
  const { best, isSmall } = modelFacts.value
  const sized = withSide(draft.value, from.side)
  const { steps, guidanceScale } = best
  draft.value = best === before.best ? sized : { ...sized, steps, guidanceScale, hires: null, tiles: null }
  resizeSheet(from.side)
  isLive.value = isSmall
}

/**
 * Loads the model again with another VAE, and keeps its file over a reload. Null: its own.
 *
 * @throws PageError while no model is ready, and for a file that is broken or not a VAE
 */
export async function openVae(file: File | null): Promise<void> {
  const { value: state } = modelState
  if (state.phase !== "ready") throw new PageError(sentence("page", "modelNotReady", file?.name ?? "VAE"))
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
