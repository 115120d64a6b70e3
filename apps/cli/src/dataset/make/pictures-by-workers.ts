import { readFile } from "node:fs/promises"
import { basename } from "node:path"
import type { Preprocessing } from "@lllite/core/image"
import { preprocessingText } from "@lllite/core/image"
import type { PictureWithTraits } from "@lllite/runtime-node"
import { writeAtomically } from "@lllite/runtime-node"
import type { ControlFacts } from "../../pieces/control-piece.ts"
import { controlPiece } from "../../pieces/control-piece.ts"
import type { FailedPiece, FanOut } from "../../pieces/fan-out.ts"
import { openFanOut, takePieces } from "../../pieces/fan-out.ts"
import { sha256Of } from "../../pieces/sha256.ts"
import type { Reporter } from "../../terminal/progress.ts"
import type { PairJob } from "./pair-job.ts"
import { copyPicture } from "./pair-job.ts"

interface ByWorkers {
  readonly fanOut: FanOut
  readonly prep: Preprocessing
  readonly force: boolean
  /** Told of each pair that is complete. */
  readonly take: (job: PairJob, picture: PictureWithTraits) => void
  readonly reporter: Reporter
  readonly signal: AbortSignal
}

/**
 * Lets workers make the controls of pairs, one piece for each, and writes them.
 *
 * @returns the pieces that are parked
 * @throws ServeError `redis`, `store`; InputError for files that cannot be read or written
 */
export async function makeByWorkers(
  jobs: readonly PairJob[],
  { fanOut, prep, force, take, reporter, signal }: ByWorkers,
): Promise<readonly FailedPiece[]> {
  const pieces = await openFanOut(fanOut)
  const jobAt = (index: number): PairJob => jobs[index] as PairJob
  return takePieces(
    pieces,
    [...jobs.keys()],
    async (index) => {
      const { picture, mark } = jobAt(index)
      const input = { prep: preprocessingText(prep), mark, name: basename(picture) }
      return { piece: controlPiece(input, sha256Of(await readFile(picture))), read: () => readFile(picture) }
    },
    {
      ...{ reporter, signal },
      async take({ index, files, facts }) {
        const job = jobAt(index)
        await copyPicture(job, force)
        for (const bytes of files) await writeAtomically(job.control, bytes)
        take(job, { path: job.picture, traits: (facts as ControlFacts).traits })
      },
    },
  )
}
