import type { AdapterDims, Site, SiteTensorName, UnetLayout } from "@lllite/format"
import { siteTable, siteTensorKey, siteTensorShapes } from "@lllite/format"
import { checkArgument, checkGiven, type OptionKinds, valueText } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import { isInRange, rangeText } from "../../number-range.ts"

/** An adapter: its site, its widths, and whether it has the trunk of its depth. */
export interface AdapterPlan extends AdapterDims {
  readonly site: Site
}

/** The place of one tensor of an adapter in the flat list of an LLLite's values. */
export interface Slot {
  /** The tensor's name in a file. */
  readonly key: string
  /** Its adapter. Of a trunk, the first adapter that has it. */
  readonly plan: AdapterPlan
  readonly name: SiteTensorName
  /** Shape in a file: [out, in], [out, in, kh, kw] or [out]. */
  readonly fileShape: readonly number[]
  readonly offset: number
  readonly size: number
}

/**
 * An LLLite as data: its adapters and all their values in one flat list. Optimisers, saved states and sums of gradients
 * use this list. Weights have the order that products read: inputs by outputs. A convolution's inputs have the order
 * row, column, channel.
 */
export interface LlliteModel {
  readonly adapters: readonly AdapterPlan[]
  readonly slots: readonly Slot[]
  readonly values: Float32Array
  /** What its file holds that is not used, one sentence each. Default: none. */
  readonly notices?: readonly string[]
}

/** Checks that a U-Net has the sites of a list. Other things than lists are refused elsewhere. @throws CoreError `layout` */
export function checkSites(place: string, sites: unknown, layout: UnetLayout): void {
  const { byKey } = siteTable(layout)
  for (const site of Array.isArray(sites) ? (sites as readonly Partial<Site>[]) : []) {
    const known = byKey.get(site?.key ?? "")
    if (known?.inDim === site?.inDim && known?.depth === site?.depth && known?.conv === site?.conv && known) continue
    const shown = valueText(site?.key ?? site)
    throw new CoreError(
      "layout",
      `${place}: a site is ${shown}, expected sites of the U-Net, as enumerateSites gives them`,
    )
  }
}

/** The slots of a list of adapters, in the file's order, and the number of all values. A trunk has its slots once. */
export function layOutSlots(adapters: readonly AdapterPlan[]): {
  readonly slots: readonly Slot[]
  readonly size: number
} {
  checkArgument("LLLite: the adapters", adapters, "a list")
  for (const plan of adapters) checkPlan(plan)
  const slots: Slot[] = []
  const trunks = new Set<string>()
  let offset = 0
  for (const plan of adapters) {
    for (const [name, fileShape] of siteTensorShapes(plan.site, plan)) {
      const key = tensorKey(plan, name)
      if (trunks.has(key)) continue
      if (plan.sharedTrunk === true) trunks.add(key)
      const size = fileShape.reduce((product, length) => product * length, 1)
      slots.push({ key, plan, name, fileShape, offset, size })
      offset += size
    }
  }
  return { slots, size: offset }
}

/** Widths of layers of a U-Net. Those of adapters have limits of their own. */
const INPUT_WIDTH = { integer: true, min: 1, max: 2 ** 16 } as const

/** The kinds of what a site is looked up by. Widths and depths have ranges. */
const SITE_KINDS: Partial<OptionKinds<Site>> = {
  path: "text",
  section: "text",
  block: "text",
  blockIndex: "a finite number",
  index: "a finite number or null",
  attention: "text or null",
  projection: "text",
  conv: "true or false",
}

function checkPlan(plan: AdapterPlan): void {
  checkGiven("LLLite: an adapter", plan, "site", "enumerateSites, as site, beside its widths,")
  checkGiven("LLLite: a site", plan.site, "key", "enumerateSites")
  checkArgument("LLLite: the key of a site", plan.site.key, "text")
  const { key, inDim } = plan.site
  for (const [name, kind] of Object.entries(SITE_KINDS)) {
    checkArgument(`LLLite: ${name} of the site "${key}"`, plan.site[name as keyof Site], kind)
  }
  if (isInRange(inDim, INPUT_WIDTH)) return
  const is = typeof inDim === "number" ? inDim : valueText(inDim)
  throw new CoreError("argument", `LLLite: inDim of the site "${key}" is ${is}, expected ${rangeText(INPUT_WIDTH)}`)
}

/** Slots that were found to be right, with their adapters. Neither list changes. */
const rightSlots = new WeakMap<readonly Slot[], unknown>()

/** Checks that the slots of a model are those of its adapters. @throws CoreError `argument` */
export function checkSlots(place: string, model: unknown): void {
  checkGiven(`${place}: the model`, model, "slots", "createLllite or readLlliteModel")
  const { adapters, slots } = model as LlliteModel
  checkArgument(`${place}: the slots of the model`, slots, "a list")
  if (rightSlots.has(slots) && rightSlots.get(slots) === adapters) return
  const right = layOutSlots(adapters).slots
  const isRight = slots.length === right.length && right.every((slot, i) => isSlot(slots[i], slot))
  if (!isRight) {
    throw new CoreError(
      "argument",
      `${place}: the slots of the model are not those of its adapters, expected what createLllite or readLlliteModel gives`,
    )
  }
  rightSlots.set(slots, adapters)
}

/** Checks a model whose values are read. @throws CoreError `argument`; `adapter-values` for another number of values */
export function checkModel(place: string, model: unknown): void {
  checkSlots(place, model)
  const { slots, values } = model as LlliteModel
  checkArgument(`${place}: the values of the model`, values, "float32 values")
  const last = slots.at(-1)
  const size = last === undefined ? 0 : last.offset + last.size
  if (values.length === size) return
  throw new CoreError(
    "adapter-values",
    `${place}: the model has ${values.length} values, expected ${size} for its slots`,
  )
}

function isSlot(given: unknown, right: Slot): boolean {
  const { key, plan, name, fileShape, offset, size } = (given ?? {}) as Partial<Slot>
  return (
    key === right.key &&
    name === right.name &&
    offset === right.offset &&
    size === right.size &&
    Array.isArray(fileShape) &&
    fileShape.join() === right.fileShape.join() &&
    plan?.condDim === right.plan.condDim &&
    plan.mlpDim === right.plan.mlpDim
  )
}

/** The name of an adapter's tensor in a file. Adapters with a trunk have its names. */
export function tensorKey({ site, sharedTrunk = false }: AdapterPlan, name: SiteTensorName): string {
  return siteTensorKey({ ...site, sharedTrunk }, name)
}

/**
 * The shapes of the device tensors that a slot's values make, one after another: inputs by outputs, or a bias. The
 * control comes first among the inputs of `mid`, so its rows are a separate tensor.
 */
export function leafShapes({ plan, name, fileShape, size }: Slot): readonly (readonly number[])[] {
  const [out = 0] = fileShape
  if (fileShape.length === 1) return [[out]]
  const { condDim, mlpDim } = plan
  return name === "mid.0.weight"
    ? [
        [condDim, mlpDim],
        [mlpDim, mlpDim],
      ]
    : [[size / out, out]]
}

/**
 * The distance in the flat values between neighbours along each axis of a file's shape: [out, in, kh, kw], [out, in] or
 * [out].
 */
export function flatStrides(fileShape: readonly number[]): readonly number[] {
  const [out = 1, inner = 1, , width = 1] = fileShape
  return [1, out, out * inner * width, out * inner].slice(0, fileShape.length)
}

/** Reorders a file's [out, in, kh, kw] (or [out, in], [out]) to inputs by outputs. */
export function fromFileLayout(values: Float32Array, fileShape: readonly number[]): Float32Array {
  return reorder(values, fileShape, (file, flat, result) => {
    result[flat] = values[file] ?? 0
  })
}

/** Reorders inputs by outputs to the file's order. */
export function toFileLayout(values: Float32Array, fileShape: readonly number[]): Float32Array {
  return reorder(values, fileShape, (file, flat, result) => {
    result[file] = values[flat] ?? 0
  })
}

function reorder(
  values: Float32Array,
  fileShape: readonly number[],
  move: (file: number, flat: number, result: Float32Array) => void,
): Float32Array {
  if (fileShape.length < 2) return values.slice()
  const [out = 1, inner = 1, height = 1, width = 1] = fileShape
  const result = new Float32Array(values.length)
  let file = 0
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inner; i++) {
      for (let place = 0; place < height * width; place++) move(file++, (place * inner + i) * out + o, result)
    }
  }
  return result
}
