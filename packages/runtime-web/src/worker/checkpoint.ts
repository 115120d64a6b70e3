import type { WeightEntry, WeightFile } from "@lllite/core"
import { CoreError } from "@lllite/core"
import type { ByteSource } from "@lllite/format"
import { FormatError, openSafetensors } from "@lllite/format"
import { identify } from "@lllite/format/identify"
import type { WebBackend } from "../tasks.ts"

/** What a WebAssembly heap can address. */
const WASM_BYTES = 2 ** 32

/**
 * The named tensors of an SDXL checkpoint.
 *
 * @param onRead told of the bytes of every tensor that was read
 * @throws FormatError if the file is broken or something else
 */
export async function openCheckpoint(source: ByteSource, onRead: (bytes: number) => void): Promise<WeightFile> {
  const file = await openSafetensors(source)
  const { kind, detail } = identify(file)
  if (kind !== "sdxl-checkpoint") {
    throw new FormatError(
      "wrong-kind",
      `expected an SDXL checkpoint, this is ${detail}. Give the base model's safetensors file.`,
      { source: file.label },
    )
  }
  const entries = new Map(
    [...file.tensors].map(([name, { dtype, shape }]): [string, WeightEntry] => [
      name,
      {
        name,
        dtype,
        shape,
        read: async () => {
          const bytes = await file.read(name)
          onRead(bytes.byteLength)
          return bytes
        },
      },
    ]),
  )
  return { label: file.label, entries }
}

/**
 * Refuses a checkpoint whose weights have no room, before any of them is loaded. What a GPU has room for is not known
 * here; its own errors say it.
 *
 * @throws CoreError with what is needed and what there is
 */
export function expectRoom({ label, entries }: WeightFile, backend: WebBackend): void {
  if (backend === "webgpu") return
  let bytes = 0
  for (const { shape } of entries.values()) bytes += shape.reduce((product, size) => product * size, 4)
  if (bytes <= WASM_BYTES) return
  throw new CoreError(
    `"${label}": its weights take ${(bytes / 2 ** 30).toFixed(1)} GiB in float32, and WebAssembly can address 4 GiB. ` +
      "It needs WebGPU: take a browser that has it, on a machine with a graphics card.",
  )
}
