import type { TextProjection } from "@lllite/core/models"
import type { Prediction } from "@lllite/core/names"
import type { NodeBackend } from "../backends/names.ts"
import type { StartOptions } from "../backends/started-backend.ts"
import type { SdxlPaths } from "../files/open-sdxl.ts"

/** The message that ends a worker after its current step. */
export const END = "end"

/** Arguments that only Node's workers take. See `RuntimeTypes` of `@lllite/core/runtime`. */
export type NodeTypes = {
  readonly start: {
    readonly backend: NodeBackend
    readonly options: StartOptions
    /** Number of workers that share the memory, this one included. */
    readonly threads: number
  }
  readonly backend: NodeBackend
  readonly checkpoint: SdxlPaths & { readonly prediction?: Prediction; readonly projection?: TextProjection }
  readonly loadEvent: never
  /** A path. */
  readonly file: string
}
