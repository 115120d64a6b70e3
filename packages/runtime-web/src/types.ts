import type { MemoryPhase, MemoryTask } from "@lllite/core/memory"
import type { TextProjection } from "@lllite/core/models"
import type { Prediction } from "@lllite/core/names"
import type { WeightEntry } from "@lllite/core/ops"
import type { UnetLayout } from "@lllite/format"
import type { HubReference } from "@lllite/format/remote"
import type { ProductPrecision } from "@lllite/webgpu"

/** Backends of the browser, the best first. */
export const WEB_BACKENDS = ["webgpu", "wasm"] as const
export type WebBackend = (typeof WEB_BACKENDS)[number]

/** The source of a file, in a form that can be sent to the worker. */
export type SentSource =
  | { readonly kind: "blob"; readonly blob: Blob; readonly label: string }
  | { readonly kind: "url"; readonly url: string; readonly keep: boolean }
  | { readonly kind: "stored"; readonly name: string }
  | { readonly kind: "hub"; readonly reference: HubReference }

/** Memory that a model needs on a device, weights included, for pictures of one size. */
export interface MemoryNeed {
  /** Side of the picture in pixels. */
  readonly side: number
  readonly weightBytes: number
  /** For generating a guided picture with an LLLite. */
  readonly generateBytes: number
  /** For a training step with one pair and gradient checkpointing. */
  readonly trainBytes: number
  /** Bytes of the largest tensor or weight of a generation. */
  readonly tensorBytes: number
}

/** What a checkpoint is, and what it needs on a device, by its header alone. */
export interface SdxlPlan {
  /** The name of its file. */
  readonly label: string
  /** Bytes of its file. */
  readonly fileBytes: number
  readonly layout: UnetLayout
  readonly need: MemoryNeed
  /** Bytes that the device can hold. Null: the browser does not report it. */
  readonly roomBytes: number | null
  /** Why it cannot be loaded, with the figures. Null: it can. */
  readonly refusal: string | null
}

/** A training whose need is planned. */
export interface TrainNeedTask extends Omit<MemoryTask, "kind" | "batchSize"> {
  /** Pairs that are computed at once: those of a batch, or of a shard. */
  readonly rows: number
}

/** What a training needs on a device. */
export interface TrainNeed {
  readonly weightBytes: number
  /** The most bytes of each phase, weights included. */
  readonly phases: readonly { readonly name: MemoryPhase["name"]; readonly bytes: number }[]
  /** Seconds of encoding one pair, and of a step with its rows, by the speed of the device at the first plan. */
  readonly seconds: { readonly pair: number; readonly step: number }
}

/** A checkpoint without its values. */
export interface SentHeader {
  readonly label: string
  readonly entries: ReadonlyMap<string, Pick<WeightEntry, "dtype" | "shape">>
  readonly metadata: ReadonlyMap<string, string>
}

/** Arguments that only the browser's worker takes. See `RuntimeTypes` of `@lllite/core/runtime`. */
export type WebTypes = {
  readonly start: {
    readonly backend: WebBackend
    readonly software: boolean
    readonly precision: ProductPrecision
  }
  readonly backend: WebBackend
  readonly checkpoint: {
    readonly source: SentSource
    /** Null takes the part of the checkpoint. */
    readonly unet: SentSource | null
    readonly vae: SentSource | null
    readonly loras: readonly {
      readonly source: SentSource
      readonly strength?: number
      readonly textStrength?: number
    }[]
    /** Null: as the files say. */
    readonly prediction: Prediction | null
    readonly projection: TextProjection
    readonly side: number
  }
  readonly loadEvent: { readonly kind: "plan"; readonly need: MemoryNeed; readonly header: SentHeader }
  readonly file: SentSource
}
