import { describeInput } from "../../terminal/errors.ts"
import { drawJob } from "./draw.ts"
import type { FromWorker, ToWorker } from "./messages.ts"
import { createWarmRuntime } from "./warm-runtime.ts"

/* The process that draws the server's pictures. If it ends, the server starts another. */

const warm = createWarmRuntime()
let running: AbortController | null = null

const send = (message: FromWorker): void => void process.send?.(message)

process.on("message", (message: ToWorker) => {
  if (message.kind === "cancel") {
    running?.abort(new Error("cancelled"))
    return
  }
  const controller = new AbortController()
  running = controller
  drawJob(message, { start: warm.lend, report: (report) => send({ kind: "report", report }) }, controller.signal)
    .then((files) => send({ kind: "done", files }))
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
