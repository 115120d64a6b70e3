import { checkArgument } from "../argument.ts"

/** A named part of the flat values of a model that trains. */
export interface ValuePart {
  /** Its name in a file, which is unique in the model. */
  readonly name: string
  /** Its group, such as `up`. A group can have a separate learning rate, or none. */
  readonly group: string
  /** Shape in a file. */
  readonly shape: readonly number[]
  /** Its first index in the flat values. Parts follow each other without gaps. */
  readonly offset: number
  readonly size: number
  /**
   * The distance in the flat values between neighbours along each axis of `shape`. Default: the file's order, in which
   * the last axis has a distance of 1.
   */
  readonly strides?: readonly number[]
}

/** The strides of values in a file's order: of [2, 3, 4] they are [12, 4, 1]. */
export function fileStrides(shape: readonly number[]): readonly number[] {
  checkArgument("training: the shape", shape, "a list")
  for (const length of shape) checkArgument("training: a length of the shape", length, "a finite number")
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1))
}
