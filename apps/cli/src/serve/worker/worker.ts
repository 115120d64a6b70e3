import type { JobReport } from "@lllite/serve"
import { performPiece } from "../../pieces/perform.ts"
import { describeInput } from "../../terminal/errors.ts"
import { drawJob } from "./draw.ts"
import type { DrawMessage, FromWorker, PieceMessage, ToWorker } from "./messages.ts"
import { createWarmRuntime } from "./warm-runtime.ts"

/* The process that draws pictures, and makes pieces of larger works. If it ends, who started it starts another. */

const warm = createWarmRuntime()
let running: AbortController | null = null

const send = (message: FromWorker): void => void process.send?.(message)

const perform = async (message: DrawMessage | PieceMessage, signal: AbortSignal): Promise<FromWorker> => {
  if (message.kind === "piece") {
    const { runtime, models, ...task } = message
    return { kind: "made", made: await performPiece({ ...task, signal }, { start: warm.lend, runtime, models }) }
  }
  const report = (report: JobReport): void => send({ kind: "report", report })
  return { kind: "done", files: await drawJob(message, { start: warm.lend, report }, signal) }
}

process.on("message", (message: ToWorker) => {
  if (message.kind === "cancel") {
    running?.abort(new Error("cancelled"))
    return
  }
  const controller = new AbortController()
  running = controller
  perform(message, controller.signal)
    .then(send)
    .catch(async (error: unknown) => {
      const text = describeInput(error)
      // After an error of another kind, the runtime may not work any more.
      if (text === null && !controller.signal.aborted) await warm.dispose()
      const message = text ?? (error instanceof Error ? (error.stack ?? error.message) : String(error))
      send({ kind: "failed", refused: text !== null, message })
    })
})

// The server stops its jobs itself. A signal of the terminal is for the server.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {})
// Without the server there is nothing to do.
process.on("disconnect", () => process.exit())
