import { readFile, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { type Dtype, fromBytes, openSafetensors, toFloat32 } from "@lllite/format"
import { serializeSafetensors } from "@lllite/format/write"

const require = createRequire(import.meta.url)

/** What the decoder's last layer adds to every pixel. */
const LAST_BIAS = "first_stage_model.decoder.conv_out.bias"

/** Writes the tiny SDXL with a VAE that draws brighter pictures. */
export async function writeOtherVae(path: string): Promise<void> {
  const bytes = await readFile(require.resolve("@lllite/tiny/tiny-sdxl.safetensors"))
  const file = await openSafetensors(fromBytes(new Uint8Array(bytes)))
  const tensors = new Map<string, { dtype: Dtype; shape: readonly number[]; bytes: Uint8Array }>()
  for (const [name, { dtype, shape }] of file.tensors) {
    const bytes = await file.read(name)
    if (name !== LAST_BIAS) tensors.set(name, { dtype, shape, bytes })
    else {
      const brighter = toFloat32(bytes, dtype).map((value) => value + 0.2)
      tensors.set(name, { dtype: "F32", shape, bytes: new Uint8Array(brighter.buffer) })
    }
  }
  if (!tensors.has(LAST_BIAS)) throw new Error(`the tiny SDXL has no "${LAST_BIAS}"`)
  await writeFile(path, serializeSafetensors(tensors))
}
