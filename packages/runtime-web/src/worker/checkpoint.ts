import type { WeightFile } from "@lllite/core/models"
import type { WeightEntry } from "@lllite/core/ops"
import type { ByteSource } from "@lllite/format"
import { FormatError, openSafetensors } from "@lllite/format"
import { identify } from "@lllite/format/identify"

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
