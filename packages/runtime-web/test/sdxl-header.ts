import { madeUpSdxl } from "@lllite/core/models"
import { safetensorsChunks, safetensorsSize } from "@lllite/format/write"

/** The header of an SDXL checkpoint of real size, and the bytes of the whole file. */
export interface SdxlHeader {
  readonly bytes: Uint8Array
  readonly fileBytes: number
}

/** Makes the header of an SDXL in float16. Its values are not made. */
export async function sdxlHeader(): Promise<SdxlHeader> {
  const { entries } = await madeUpSdxl("F16")
  const tensors = new Map([...entries].map(([name, { dtype, shape, read }]) => [name, { dtype, shape, bytes: read }]))
  for await (const bytes of safetensorsChunks(tensors)) return { bytes, fileBytes: safetensorsSize(tensors) }
  throw new Error("the checkpoint has no header")
}
