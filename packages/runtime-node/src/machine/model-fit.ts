import { WASM_BYTES } from "@lllite/core/runtime"
import type { NodeBackend } from "../backends/names.ts"
import type { ModelNeed } from "./model-need.ts"

/** Whether a model and what is done with it have room in a backend. */
export interface ModelFit extends ModelNeed {
  readonly backend: NodeBackend
  /** What the backend can hold here, or null when it cannot be known: WebGPU does not say how much a card has. */
  readonly roomBytes: number | null
  /** What the backend takes as one tensor, or null where it does not say. */
  readonly maxTensorBytes: number | null
  readonly fits: { readonly generate: boolean | null; readonly train: boolean | null }
}

/** A backend that works, and what models need there. */
export interface NeedsOfBackend {
  readonly name: NodeBackend
  readonly device: "CPU" | "GPU" | null
  readonly maxTensorBytes: number | null
  readonly needs: readonly ModelNeed[]
}

/** How models fit the backends that work, apart from `cpu`, which is for checks. */
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
