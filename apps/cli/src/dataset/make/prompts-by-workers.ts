import type { Preprocessing } from "@lllite/core/image"
import { preprocessingText } from "@lllite/core/image"
import { writeAtomically } from "@lllite/runtime-node"
import type { GenerateSettings } from "../../generate/settings.ts"
import type { DrawnFacts } from "../../pieces/drawn-piece.ts"
import { drawnPiece } from "../../pieces/drawn-piece.ts"
import type { FailedPiece, FanOut } from "../../pieces/fan-out.ts"
import { openFanOut, takePieces } from "../../pieces/fan-out.ts"
import { createRecipeFiles } from "../../pieces/recipe-files.ts"
import type { Reporter } from "../../terminal/progress.ts"
import type { DrawnPair } from "./drawn-pair.ts"

interface ByWorkers {
  readonly fanOut: FanOut
  readonly prep: Preprocessing
  /** Told of each pair that is complete. */
  readonly take: (pair: DrawnPair) => void
  readonly reporter: Reporter
  readonly signal: AbortSignal
}

/**
 * Lets workers draw the batches in which a picture is missing, one piece for each, and writes what is missing.
 *
 * @param batches of all pairs: a picture may differ by rounding in another batch
 * @returns the pieces that are parked
 * @throws ServeError `redis`, `store`; InputError for files that cannot be read or written
 */
export async function drawByWorkers(
  batches: readonly (readonly DrawnPair[])[],
  { strict, vaeSlices, runtime, notices }: GenerateSettings,
  { fanOut, prep, take, reporter, signal }: ByWorkers,
): Promise<readonly FailedPiece[]> {
  const open = [...batches.keys()].filter((i) => batches[i]?.some(({ states }) => states.image !== "finished"))
  if (open.length === 0) return []
  const told = new Set<string>()
  const say = (text: string): void => {
    if (told.has(text)) return
    told.add(text)
    reporter.say("notice", { text }, `Note: ${text}`)
  }
  for (const text of notices) say(text)
  const settings = { prep: preprocessingText(prep), strict, vaeSlices: vaeSlices ?? null, runtime }
  const recipeFiles = createRecipeFiles()
  return takePieces(
    await openFanOut(fanOut),
    open,
    async (index) => {
      const pairs = (batches[index] ?? []).map(({ planned, marks }) => {
        const { recipe, written, clipPrompt } = planned
        return { recipe, written, clipPrompt, marks }
      })
      return { piece: await drawnPiece(pairs, settings, recipeFiles), read: recipeFiles.read }
    },
    {
      ...{ reporter, signal },
      async take({ index, files, facts }) {
        for (const text of (facts as DrawnFacts).notices) say(text)
        for (const [i, pair] of (batches[index] ?? []).entries()) {
          const [image, control] = [files[2 * i], files[2 * i + 1]]
          if (pair.states.image === "finished" || image === undefined || control === undefined) continue
          await writeAtomically(pair.image, image)
          if (!pair.states.hasCaption) await writeAtomically(pair.caption.path, `${pair.caption.text}\n`)
          if (pair.states.control !== "finished") await writeAtomically(pair.control, control)
          take(pair)
        }
      },
    },
  )
}
