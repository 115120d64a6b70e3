import { type PreprocessorValues, preprocessorOf, type RgbImage } from "@lllite/core/image"
import type { AdapterRecipe } from "@lllite/core/recipe"
import type { ControlType } from "@lllite/format/identify"
import { computed, signal } from "@preact/signals"
import { drawing } from "../draw/sheet-state.ts"
import { SIZE } from "../pictures/canvas-image.ts"
import { type ControlKind, firstOptions, preparationOf } from "../pictures/control-kinds.ts"
import { madePicture } from "./made-pictures.ts"
import { addNetwork, BUILT_IN, type Network, networkOf } from "./networks.ts"

/** A picture from a file. */
export interface NamedPicture {
  readonly name: string
  readonly image: RgbImage
}

/** A control of the next picture: an LLLite or a ControlNet, what it follows, and how much. */
export interface Control {
  readonly id: number
  /** Name of its LLLite or ControlNet. */
  readonly network: string
  /** What the control is, of a ControlNet Union. */
  readonly type: ControlType | null
  /** Null: it follows the drawing. */
  readonly picture: NamedPicture | null
  readonly kind: ControlKind
  /** Options of preprocessors, each under its kind. A kind that is not there has those of this page. */
  readonly options: Readonly<Partial<Record<ControlKind, PreprocessorValues>>>
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
    ...{ id: ++lastId, network: BUILT_IN, type: null, picture: null, kind: "canny", options: {} },
    ...{ strength: 1, window: { start: 0, end: 1 }, curve: null },
    ...changes,
  }
}

export const controls = signal<readonly Control[]>([newControl()])

/** Changes a control. */
export function changeControl(id: number, changes: Partial<Omit<Control, "id">>): void {
  controls.value = controls.value.map((control) => (control.id === id ? { ...control, ...changes } : control))
}

/** The thresholds and the blur of a control's edges. */
export interface EdgeOptions {
  /** Gradients above it continue an edge. */
  readonly low: number
  /** Gradients above it start an edge. */
  readonly high: number
  /** Sigma of a Gaussian blur before, in pixels. 0: none. */
  readonly blur: number
}

/** The thresholds and the blur of a control of the kind `canny`. */
export function edgeOptions({ options }: Pick<Control, "options">): EdgeOptions {
  const { canny: given = firstOptions("canny", SIZE) } = options
  const numberOf = (name: keyof EdgeOptions): number =>
    Number(given[name] ?? preprocessorOf("canny").options[name]?.default)
  return { low: numberOf("low"), high: numberOf("high"), blur: numberOf("blur") }
}

/** What changes of a control whose edges get other thresholds or another blur. */
export function edgeChange(
  { options }: Pick<Control, "options">,
  changes: Partial<EdgeOptions>,
): Pick<Control, "options"> {
  return { options: { ...options, canny: { ...(options.canny ?? firstOptions("canny", SIZE)), ...changes } } }
}

/** Adds an LLLite or a ControlNet, and chooses it for the first control. @returns it under its name */
export function followWith(network: Network): Network {
  const [first, ...others] = controls.value
  const added = addNetwork(network)
  const changes = networkChoice(added)
  controls.value = [first === undefined ? newControl(changes) : { ...first, ...changes }, ...others]
  return added
}

/** What changes of a control that gets this network. */
export function networkChoice({ name, control, types }: Network): Partial<Omit<Control, "id">> {
  return { network: name, type: types[0] ?? null, ...(control === null ? {} : { kind: control }) }
}

/** The pictures that were shown last. */
let before: ReadonlyMap<number, RgbImage> = new Map()

/**
 * The control pictures by the id of their controls, in the size of what they follow. Each is made anew only when that
 * changes. Until a worker has made a new one, the one before stays. The model gets them in the size of the picture.
 */
export const controlPictures = computed<ReadonlyMap<number, RgbImage>>(() => {
  const pictures = new Map<number, RgbImage>()
  for (const { id, picture, kind, options } of controls.value) {
    const shown = madePicture(id, picture?.image ?? drawing.value, kind, options[kind]) ?? before.get(id)
    if (shown !== undefined) pictures.set(id, shown)
  }
  before = pictures
  return pictures
})

/** A control as the SDK's recipes have it. @param side of the picture, in pixels */
export function adapterRecipe(control: Control, side: number): AdapterRecipe {
  const { network, type, picture, kind, options, strength, window, curve } = control
  const named = networkOf(network)
  const sha256 = named?.sha256 ?? null
  return {
    kind: named?.kind === "controlnet" ? "controlnet" : "lllite",
    file: { path: network, ...(sha256 === null ? {} : { sha256 }) },
    control: {
      file: { path: picture?.name ?? DRAWING },
      fit: "stretch",
      ...preparationOf(kind, side, options[kind]),
    },
    strength,
    window,
    ...(type === null ? {} : { controlType: type }),
    ...(curve === null ? {} : { curve: curve.map((strength, i) => ({ at: i / (curve.length - 1), strength })) }),
  }
}
