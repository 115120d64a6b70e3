import { controlPicture, type RgbImage } from "@lllite/core/image"
import type { AdapterRecipe } from "@lllite/core/recipe"
import { cannyThresholds } from "@lllite/tiny"
import { computed, signal } from "@preact/signals"
import { drawing } from "../draw/sheet-state.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import { type CannyThresholds, type ControlKind, preparationOf } from "../pictures/control-kinds.ts"
import { addLllite, BUILT_IN, lllites, type NamedLllite } from "./lllites.ts"

/** A picture from a file. */
export interface NamedPicture {
  readonly name: string
  readonly image: RgbImage
}

/** A control of the next picture: an LLLite, what it follows, and how much. */
export interface Control {
  readonly id: number
  /** Name of its LLLite. */
  readonly lllite: string
  /** Null: it follows the drawing. */
  readonly picture: NamedPicture | null
  readonly kind: ControlKind
  readonly thresholds: CannyThresholds
  readonly strength: number
  readonly window: { readonly start: number; readonly end: number }
  /** Factors at equal distances over the noise schedule. Null: 1 everywhere. */
  readonly curve: readonly number[] | null
}

/** Points of a curve. */
export const CURVE_POINTS = 5
/** The name of the drawing in a recipe. */
export const DRAWING = "drawing"

let lastId = 0

/** A control with the defaults of this page. */
export function newControl(changes: Partial<Omit<Control, "id">> = {}): Control {
  return {
    ...{ id: ++lastId, lllite: BUILT_IN, picture: null, kind: "canny", thresholds: cannyThresholds },
    ...{ strength: 1, window: { start: 0, end: 1 }, curve: null },
    ...changes,
  }
}

export const controls = signal<readonly Control[]>([newControl()])

/** Changes a control. */
export function changeControl(id: number, changes: Partial<Omit<Control, "id">>): void {
  controls.value = controls.value.map((control) => (control.id === id ? { ...control, ...changes } : control))
}

/** Adds an LLLite, and chooses it for the first control. */
export function useLllite(lllite: NamedLllite): void {
  const name = addLllite(lllite)
  const [first, ...others] = controls.value
  const changes = { lllite: name, ...(lllite.kind === null ? {} : { kind: lllite.kind }) }
  controls.value = [first === undefined ? newControl(changes) : { ...first, ...changes }, ...others]
}

/** The control pictures by the id of their controls. Each is made anew only when what it follows changes. */
export const controlPictures = computed<ReadonlyMap<number, RgbImage>>(
  () => new Map(controls.value.map((control) => [control.id, madePicture(control, drawing.value)])),
)

const made = new WeakMap<RgbImage, Map<string, RgbImage>>()

function madePicture({ picture, kind, thresholds }: Control, drawn: RgbImage): RgbImage {
  const image = picture?.image ?? drawn
  const known = made.get(image) ?? new Map<string, RgbImage>()
  made.set(image, known)
  const key = `${kind} ${thresholds.low} ${thresholds.high}`
  const found = known.get(key) ?? controlPicture(image, image, preparationOf(kind, SIZE, thresholds))
  known.set(key, found)
  return found
}

/** A control as the SDK's recipes have it. */
export function adapterRecipe(control: Control): AdapterRecipe {
  const { lllite, picture, kind, thresholds, strength, window, curve } = control
  const sha256 = lllites.value.find(({ name }) => name === lllite)?.sha256 ?? null
  return {
    kind: "lllite",
    file: { path: lllite, ...(sha256 === null ? {} : { sha256 }) },
    control: {
      file: { path: picture?.name ?? DRAWING },
      fit: "stretch",
      ...preparationOf(kind, SIZE, thresholds),
    },
    strength,
    window,
    ...(curve === null ? {} : { curve: curve.map((strength, i) => ({ at: i / (curve.length - 1), strength })) }),
  }
}
