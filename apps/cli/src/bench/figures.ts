import type { NodeBackend } from "@lllite/runtime-node/machine"

/** What a machine reaches. Times are in seconds, memory in bytes. */
export interface BenchReport {
  /** The version of LLLite. */
  readonly version: string
  readonly node: string
  readonly system: string
  readonly cpu: string
  readonly cores: number
  readonly totalBytes: number
  readonly availableBytes: number
  readonly backends: readonly BackendFigures[]
}

export interface BackendFigures {
  readonly backend: NodeBackend
  /** The library and the device. Null: the backend did not start. */
  readonly version: string | null
  readonly device: "CPU" | "GPU" | null
  /** How products with the model's weights are computed, and how the weights are held. */
  readonly precision: string
  readonly weights: string
  readonly models: readonly ModelFigures[]
  /** Why the backend did not work. Null: it did. */
  readonly problem: string | null
}

/** What a model takes at one size. */
export interface ModelFigures {
  readonly model: "tiny" | "SDXL"
  /** Side of the picture in pixels. */
  readonly side: number
  /** Null: it was not measured. */
  readonly picture: PictureFigures | null
  /** Null: it was not measured. */
  readonly training: TrainingFigures | null
  /** Why something was not measured, one sentence each. */
  readonly problems: readonly string[]
}

/** A guided picture with an LLLite on every usual site. */
export interface PictureFigures extends MemoryFigures {
  /** A step of the sampler: two rows of the U-Net. */
  readonly step: number
  /** Text, control and VAE, once a picture. Null: time ended before the picture was decoded. */
  readonly rest: number | null
}

/** A training step with one pair and gradient checkpointing. */
export interface TrainingFigures extends MemoryFigures {
  readonly step: number
}

export interface MemoryFigures {
  /** What the memory plan says, weights included. */
  readonly plannedBytes: number
  /** The greatest that was seen, weights included: of the process, or of the card's buffers. */
  readonly measuredBytes: number
}

/** Steps of a whole picture. */
export const PICTURE_STEPS = 20

/** Seconds of a whole picture. Null: not all of it was measured. */
export function pictureSeconds({ step, rest }: PictureFigures): number | null {
  return rest === null ? null : PICTURE_STEPS * step + rest
}
