import type { RgbImage } from "@lllite/core/image"
import { computed, signal } from "@preact/signals"
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
