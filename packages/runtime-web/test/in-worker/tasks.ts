import type { CallCounts } from "../../../../bench/card/measure/counts.mjs"

/** Suites of the reference that compute on a device. */
export type Suite = "module" | "unet" | "text-vae" | "pipeline" | "diffusion"

export type Task =
  /** The contract of ops. */
  | { readonly kind: "ops" }
  /** A suite of the reference, whose files lie at an address. */
  | { readonly kind: "reference"; readonly suite: Suite; readonly url: string; readonly merges: string }

export interface Outcome {
  /** Name that the adapter reports. */
  readonly adapter: string
  readonly compared: number
  readonly failed: readonly unknown[]
  readonly worstError: number
}

/** WebGPU's calls of a pass, and how many buffers the device binds at once. */
export interface PassCounts extends CallCounts {
  readonly boundBuffers: number
}

export type Answer = { readonly outcome: Outcome } | { readonly error: unknown }
