import { openSafetensors } from "@lllite/format"
import { controlFileKind, controlTypesOf, readControlNet } from "@lllite/format/identify"
import { parseLlliteMetadata } from "@lllite/format/modelspec"
import type { Sentence } from "../language/sentence.ts"
import { controlKindOf } from "../pictures/control-kinds.ts"
import { openNetwork } from "./open-network.ts"

/**
 * Opens an LLLite or a ControlNet, and uses it for the first control.
 *
 * @returns what is to be said of it
 * @throws FormatError for a file that is broken or of another kind, Error for one that does not fit the model
 */
export async function openControlFile(file: File): Promise<readonly Sentence[]> {
  const header = await openSafetensors(file)
  const kind = controlFileKind(header)
  if (kind === "controlnet") {
    const { union } = readControlNet(header)
    return openNetwork({ kind, file, control: null, types: union === null ? [] : controlTypesOf(union) })
  }
  const { preprocessor = null } = parseLlliteMetadata(header.metadata)
  return openNetwork({ kind, file, control: preprocessor === null ? null : controlKindOf(preprocessor), types: [] })
}
