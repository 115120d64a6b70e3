import type { RgbImage } from "@lllite/core/image"
import type { TrainDataset } from "@lllite/core/training"
import type { DrawnPair } from "@lllite/tiny"
import { datasetOfPairs, heldOutDrawing, trainingDrawing } from "@lllite/tiny"
import type { ControlKind } from "../pictures/control-kinds.ts"
import { madeControl } from "../pictures/control-kinds.ts"

/** A picture, its control, and its caption. */
export interface TrainingPair extends DrawnPair {
  /** Whether the control is made of the picture here, and not from a file. */
  readonly isMade: boolean
}

/** Number of drawings that the button adds. */
export const DRAWN = 16

/** Draws pairs: those that the tiny SDXL was trained on, from the index `first` on. */
export function drawPairs(count: number, kind: ControlKind, first = 0): readonly TrainingPair[] {
  return Array.from({ length: count }, (_, index) => {
    const { image, caption } = trainingDrawing(first + index)
    return { name: `drawing ${first + index + 1}`, image, caption, control: madeControl(image, kind), isMade: true }
  })
}

/** The number of a drawing that the button added. Null: it is another pair. Such drawings have names that no file has. */
export function drawingNumber({ name, isMade }: TrainingPair): number | null {
  const number = isMade ? /^drawing (\d+)$/.exec(name)?.[1] : undefined
  return number === undefined ? null : Number(number)
}

/** The index of the first training drawing that is not among the pairs, counted on from the last one. */
export function nextDrawing(all: readonly TrainingPair[]): number {
  return Math.max(0, ...all.map((pair) => drawingNumber(pair) ?? 0))
}

/** The data set of pairs. */
export function datasetOf(pairs: readonly TrainingPair[]): TrainDataset {
  return datasetOfPairs(pairs.length, (index) => pairs[index])
}

/** The caption in the file name of a picture: `a-red_star (2).png` gives "a red star". */
export function captionOfFile(name: string): string {
  return name
    .replace(/^.*\//, "")
    .replace(/\.[^.]*$/, "")
    .replaceAll(/[_-]+/g, " ")
    .replaceAll(/\s*\(\d+\)|\s+\d+$/g, "")
    .trim()
}

/** What a run trains on, and what it is measured on. */
export interface Split {
  readonly trained: readonly TrainingPair[]
  readonly heldOut: readonly HeldOut[]
  /** Whether the held-out ones are pairs of the user. Otherwise they are drawings. */
  readonly isOwn: boolean
}

/** A picture that is not trained on, with its control. */
export interface HeldOut {
  readonly caption: string
  readonly image: RgbImage
  readonly control: RgbImage
}

/** Pictures that a finished run is measured on. */
const HELD_OUT = 3

/** From this many pairs on, the last ones are held out. */
const MOST_TRAINED_ALL = 8

/**
 * Holds out what a run is measured on. Of controls that are made here, others are made of drawings that no model was
 * trained on. Of controls from files nothing is known, so that the last pairs are held out. Of few pairs, the last one
 * is trained on, too.
 */
export function splitPairs(pairs: readonly TrainingPair[], kind: ControlKind): Split {
  if (pairs.every(({ isMade }) => isMade)) {
    const heldOut = Array.from({ length: HELD_OUT }, (_, index) => {
      const { image, caption } = heldOutDrawing(index + 1)
      return { caption, image, control: madeControl(image, kind) }
    })
    return { trained: pairs, heldOut, isOwn: false }
  }
  const given = pairs.filter(({ isMade }) => !isMade)
  if (given.length < MOST_TRAINED_ALL) return { trained: pairs, heldOut: given.slice(-1), isOwn: true }
  const heldOut = given.slice(-HELD_OUT)
  return { trained: pairs.filter((pair) => !heldOut.includes(pair)), heldOut, isOwn: true }
}
