import type { RgbImage } from "@lllite/core/image"
import { computed, signal } from "@preact/signals"
import { fitSquare } from "../pictures/fit-square.ts"
import { heartOutline } from "./stamps.ts"

/** How many changes can be undone. */
const MOST_UNDO = 50

/** The drawing. */
export const drawing = signal<RgbImage>(heartOutline())

const past = signal<readonly RgbImage[]>([])
const future = signal<readonly RgbImage[]>([])

export const canUndo = computed(() => past.value.length > 0)
export const canRedo = computed(() => future.value.length > 0)

/** Keeps the drawing as it is now, to undo what follows. */
export function rememberDrawing(): void {
  past.value = [...past.value, drawing.value].slice(-MOST_UNDO)
  future.value = []
}

/** Replaces the drawing. This can be undone. */
export function replaceDrawing(image: RgbImage): void {
  rememberDrawing()
  drawing.value = image
}

/** The largest side of the sheet in pixels. A larger picture follows a sheet that is enlarged. */
const MOST_SHEET = 512

/** The side of the sheet for pictures of a side. */
export function sheetSide(side: number): number {
  return Math.min(side, MOST_SHEET)
}

/** Gives the sheet the size for pictures of a side. What can be taken back keeps its size. */
export function resizeSheet(side: number): void {
  const to = sheetSide(side)
  if (drawing.value.width !== to) drawing.value = fitSquare(drawing.value, to)
}

/** Takes the last change back. */
export function undo(): void {
  const before = past.value.at(-1)
  if (before === undefined) return
  past.value = past.value.slice(0, -1)
  future.value = [...future.value, drawing.value]
  drawing.value = before
}

/** Makes the last change again that was taken back. */
export function redo(): void {
  const after = future.value.at(-1)
  if (after === undefined) return
  future.value = future.value.slice(0, -1)
  past.value = [...past.value, drawing.value]
  drawing.value = after
}
