import type { Element } from "../wgsl/module.ts"

/**
 * One factor of a product as a kernel reads it. It is a matrix that may not exist in memory. `edge` is the index along
 * the side that the result also has. `inner` is the index of the sum.
 */
export interface Factor {
  /** The name of the factor's code. */
  readonly key: string
  readonly reads: Readonly<Record<string, Element>>
  /** Names of its parameters, which are different from those of all other factors. */
  readonly params: readonly string[]
  /** The side along which values are adjacent in memory. */
  readonly along: "edge" | "inner"
  /**
   * WGSL statements that return what all values of an edge need, as a vec4i: the `place` of `body`. They run once for
   * every edge of an invocation, before the sum. Only factors along `inner` have it.
   */
  readonly place?: string
  /**
   * WGSL statements that return the value at (edge, inner), both in range. With `four`, they return the four values
   * from there on. The side `along` is then a multiple of four.
   */
  readonly body: string
  readonly four: boolean
  /** Whether every value is a float16. */
  readonly half?: boolean
  /** Whether a product with this right factor rounds both factors to float16, on subgroup matrices. */
  readonly rounds?: boolean
}
