import type { ByteSource, LlliteFile } from "@lllite/format"
import { llliteOf, openSafetensors } from "@lllite/format"
import { expectLllite } from "@lllite/format/identify"

/** Opens an LLLite by its header. @throws FormatError naming the kind of any other file */
export async function openLllite(source: ByteSource): Promise<LlliteFile> {
  const file = await openSafetensors(source)
  expectLllite(file)
  return llliteOf(file)
}
