import type { Prediction } from "@lllite/core/names"

/** Backends of the browser, best first. */
export const WEB_BACKENDS = ["webgpu", "wasm"] as const
export type WebBackend = (typeof WEB_BACKENDS)[number]

/** Where a file is, in a form that can be sent. */
export type SentSource =
  | { readonly kind: "blob"; readonly blob: Blob; readonly label: string }
  | { readonly kind: "url"; readonly url: string; readonly keep: boolean }
  | { readonly kind: "stored"; readonly name: string }

/** What a model takes on a device, weights included, for pictures of some size. */
export interface MemoryNeed {
  /** Pixels. */
  readonly side: number
  readonly weightBytes: number
  /** For a guided picture under an LLLite. */
  readonly generateBytes: number
  /** For a training step with one pair and gradient checkpointing. */
  readonly trainBytes: number
  /** The largest tensor or weight of a generation. */
  readonly tensorBytes: number
}

/** What the browser's worker is given that those of other runtimes are not. See `RuntimeTypes` of `@lllite/core/runtime`. */
export type WebTypes = {
  readonly start: { readonly backend: WebBackend; readonly software: boolean }
  readonly backend: WebBackend
  readonly checkpoint: {
    readonly source: SentSource
    /** Null where the checkpoint has its own. */
    readonly unet: SentSource | null
    readonly vae: SentSource | null
    readonly prediction: Prediction
    readonly side: number
  }
  readonly loadEvent: { readonly kind: "plan"; readonly need: MemoryNeed }
  readonly file: SentSource
}
