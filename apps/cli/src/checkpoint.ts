import { checkpointPath, openCheckpoint, withPath } from "@lllite/runtime-node"

/**
 * Looks at a checkpoint's header, so that a wrong file is refused before anything is started.
 *
 * @throws InputError when it cannot be read; FormatError when it is broken or no SDXL checkpoint
 */
export async function checkCheckpoint(checkpoint: string): Promise<void> {
  await withPath(checkpointPath(checkpoint), openCheckpoint)
}
