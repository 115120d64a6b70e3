import { CoreError } from "@lllite/core"
import { inferUnetConfig } from "@lllite/core/models"
import type { SdxlPlan, SentSource } from "../types.ts"
import type { WebRunningBackend } from "./backend.ts"
import { readCheckpoint } from "./checkpoint.ts"
import { expectRoom, needOf, roomOf } from "./memory.ts"
import { openHeader } from "./source.ts"

/**
 * Plans what a checkpoint needs on a backend. Only its header is read.
 *
 * @param side pixels of a picture's side
 * @throws FormatError for a file that is broken or of another kind; CoreError for an incomplete one; WebRuntimeError for
 * one that cannot be read
 */
export async function planSdxlOn(
  running: WebRunningBackend,
  source: SentSource,
  side: number,
  signal: AbortSignal,
): Promise<SdxlPlan> {
  const { file, close } = await openHeader(source, signal)
  try {
    const checkpoint = await readCheckpoint(file)
    const { layout } = inferUnetConfig(checkpoint)
    const need = await needOf(checkpoint, side, running)
    return {
      ...{ label: checkpoint.label, fileBytes: file.size, layout, need, roomBytes: roomOf(running) },
      refusal: refusalOf(() => expectRoom(checkpoint.label, need, running)),
    }
  } finally {
    await close()
  }
}

function refusalOf(check: () => void): string | null {
  try {
    check()
    return null
  } catch (error) {
    if (error instanceof CoreError && error.code === "no-room") return error.message
    throw error
  }
}
