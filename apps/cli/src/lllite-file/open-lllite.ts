import type { ByteSource, LlliteFile } from "@lllite/format"
import { llliteOf, openSafetensors } from "@lllite/format"
import { expectLllite } from "@lllite/format/identify"

/** Opens an LLLite by its header; a file of another kind is refused with what it is. @throws FormatError */
export async function openLllite(source: ByteSource): Promise<LlliteFile> {
  const file = await openSafetensors(source)
  expectLllite(file)
  return llliteOf(file)
}
