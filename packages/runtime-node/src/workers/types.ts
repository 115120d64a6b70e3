import type { Prediction } from "@lllite/core/names"
import type { NodeBackend } from "../backends/names.ts"
import type { StartOptions } from "../backends/started-backend.ts"
import type { SdxlPaths } from "../files/open-sdxl.ts"

/** What Node's workers are given that those of other runtimes are not. See `RuntimeTypes` of `@lllite/core/runtime`. */
export type NodeTypes = {
  readonly start: {
    readonly backend: NodeBackend
    readonly options: StartOptions
    /** Workers that share the memory, this one among them. */
    readonly threads: number
  }
  readonly backend: NodeBackend
  readonly checkpoint: SdxlPaths & { readonly prediction: Prediction }
  readonly loadEvent: never
  /** A path. */
  readonly file: string
}
