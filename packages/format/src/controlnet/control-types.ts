import { expectArgument } from "../argument.ts"
import type { ControlNetUnion } from "./union.ts"

/**
 * The control types of a ControlNet Union, with their rows. Names of the same row are one type to the network. The first
 * files have six rows, and the "promax" files eight.
 *
 * Source: xinsir6/ControlNetPlus; ComfyUI `comfy/cldm/control_types.py`.
 */
export const CONTROL_TYPES = {
  openpose: 0,
  depth: 1,
  hed: 2,
  pidi: 2,
  scribble: 2,
  ted: 2,
  canny: 3,
  lineart: 3,
  anime_lineart: 3,
  mlsd: 3,
  normal: 4,
  segment: 5,
  tile: 6,
  repaint: 7,
} as const

export type ControlType = keyof typeof CONTROL_TYPES

export const CONTROL_TYPE_NAMES = Object.keys(CONTROL_TYPES) as readonly ControlType[]

/** The control types that a ControlNet Union has. */
export function controlTypesOf(union: Pick<ControlNetUnion, "types">): readonly ControlType[] {
  expectArgument(typeof union?.types === "number", "the union", union, "what readControlNet gives")
  const { types } = union
  return CONTROL_TYPE_NAMES.filter((name) => CONTROL_TYPES[name] < types)
}

/** What is wrong with the control type of a use of a ControlNet Union, as a sentence, or null. */
export function controlTypeProblem(
  union: Pick<ControlNetUnion, "types">,
  type: ControlType | undefined,
): string | null {
  const names = controlTypesOf(union)
  if (type !== undefined && names.includes(type)) return null
  const expected = `Expected one of ${names.join(", ")}.`
  if (type === undefined) return `A ControlNet Union needs the type of its control, and none is given. ${expected}`
  return `This ControlNet Union has ${union.types} control types, and "${type}" is not among them. ${expected}`
}
