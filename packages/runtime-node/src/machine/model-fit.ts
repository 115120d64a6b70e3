import { createRequire } from "node:module"
import { openSafetensors } from "@lllite/format"
import type { NodeBackend } from "../backends/names.ts"
import { withPath } from "../files/path-source.ts"

/** Whether a model's weights have room in a backend. */
export interface ModelFit {
  readonly model: "tiny" | "SDXL"
  readonly backend: NodeBackend
  /** How the backend holds the weights: as a file of that width has them, or widened. */
  readonly weights: "16 bits" | "32 bits"
  readonly weightBytes: number
  /** What the backend can hold here, or null when it cannot be known without loading. */
  readonly roomBytes: number | null
  readonly fits: boolean | null
}

/** SDXL in full: U-Net 2,567,463,684, text encoders 123,060,557 and 694,659,841, VAE 83,653,863. */
export const SDXL_PARAMETERS = 3_468_837_945

/** What WebAssembly can address, and no machine gives more of. */
const WASM_BYTES = 2 ** 32

/** How the models that there are fit the backends that work, apart from `cpu`, which is for checks. */
export async function modelFits(
  backends: readonly { readonly name: NodeBackend; readonly works: boolean; readonly device: "CPU" | "GPU" | null }[],
  availableBytes: number,
): Promise<readonly ModelFit[]> {
  const tiny = await tinyParameters()
  return backends
    .filter(({ name, works }) => works && name !== "cpu")
    .flatMap(({ name, device }) => {
      const room = device === "GPU" ? null : name === "wasm" ? Math.min(WASM_BYTES, availableBytes) : availableBytes
      const fit = (model: ModelFit["model"], parameters: number, bits: 16 | 32): ModelFit => {
        const weightBytes = (bits / 8) * parameters
        const fits = room === null ? null : weightBytes < room
        return { model, backend: name, weights: `${bits} bits`, weightBytes, roomBytes: room, fits }
      }
      const wide = fit("SDXL", SDXL_PARAMETERS, 32)
      // WASM widens every weight.
      const full = name === "wasm" ? [wide] : [fit("SDXL", SDXL_PARAMETERS, 16), wide]
      return [fit("tiny", tiny, 32), ...full]
    })
}

async function tinyParameters(): Promise<number> {
  const path = createRequire(import.meta.url).resolve("@lllite/tiny/tiny-sdxl.safetensors")
  return withPath(path, async (source) => {
    const { tensors } = await openSafetensors(source)
    let count = 0
    for (const { shape } of tensors.values()) count += shape.reduce((product, size) => product * size, 1)
    return count
  })
}
