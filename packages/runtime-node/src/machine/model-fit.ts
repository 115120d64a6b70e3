import { WASM_BYTES } from "@lllite/core/runtime"
import type { NodeBackend } from "../backends/names.ts"
import type { ModelNeed } from "./model-need.ts"

/** Whether a model and its tasks fit into a backend's memory. */
export interface ModelFit extends ModelNeed {
  readonly backend: NodeBackend
  /** Bytes that the backend can hold here. Null if unknown: WebGPU does not report a card's memory. */
  readonly roomBytes: number | null
  /** Bytes of the largest tensor that the backend takes. Null if it does not say. */
  readonly maxTensorBytes: number | null
  readonly fits: { readonly generate: boolean | null; readonly train: boolean | null }
}

/** A backend, and the memory that models need there. */
export interface NeedsOfBackend {
  readonly name: NodeBackend
  readonly device: "CPU" | "GPU" | null
  readonly maxTensorBytes: number | null
  readonly needs: readonly ModelNeed[]
}

/** How models fit into the backends. `cpu` is left out, since it is for checks only. */
export function modelFits(backends: readonly NeedsOfBackend[], availableBytes: number): readonly ModelFit[] {
  return backends
    .filter(({ name }) => name !== "cpu")
    .flatMap(({ name, device, maxTensorBytes, needs }) => {
      const roomBytes =
        device === "GPU" ? null : name === "wasm" ? Math.min(WASM_BYTES, availableBytes) : availableBytes
      const fit = ({ bytes, tensorBytes }: ModelNeed["generate"]): boolean | null => {
        if (maxTensorBytes !== null && tensorBytes > maxTensorBytes) return false
        return roomBytes === null ? null : bytes < roomBytes
      }
      return needs.map((need) => ({
        ...{ ...need, backend: name, roomBytes, maxTensorBytes },
        fits: { generate: fit(need.generate), train: fit(need.train) },
      }))
    })
}
