import type { SdxlPaths } from "@lllite/runtime-node"
import { openSdxl } from "@lllite/runtime-node"

/**
 * Looks at the headers of an SDXL's files, so that a wrong one is refused before anything is started.
 *
 * @throws InputError when one cannot be read; FormatError when one is broken or of another kind; CoreError when a part
 * is missing
 */
export async function checkCheckpoint(paths: SdxlPaths): Promise<void> {
  const { close } = await openSdxl(paths)
  await close()
}
