import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import type { GenerateInput, JobReport, MadeFile, MadePiece, PieceTask, Task } from "@lllite/serve"
import { ServeError } from "@lllite/serve"
import type { RuntimeChoice } from "../../model/runtime-options.ts"
import type { DrawMessage, FromWorker, PieceMessage, ToWorker } from "./messages.ts"

/** A process that draws pictures, one job at a time. It starts with the first job, and again when it has ended. */
export interface DrawingWorker {
  /**
   * @throws ServeError `worker-lost` when the process ends, `refused` when the pictures cannot be made; Error for a fault
   * of the program; the signal's reason when aborted
   */
  draw(task: Task<GenerateInput>): Promise<readonly MadeFile[]>
  /** Makes a piece. @param models the files of its models, in their order; @throws as `draw` */
  make(task: PieceTask, models: readonly string[]): Promise<MadePiece>
  dispose(): Promise<void>
}

/** Milliseconds that a cancelled job has to end. A step of a large picture on a slow machine takes minutes. */
const CANCEL_TIME = 600_000

type Answer = Exclude<FromWorker, { readonly kind: "report" | "failed" }>

/** @param program the file of the worker's program */
export function createDrawingWorker(program: URL, runtime: RuntimeChoice): DrawingWorker {
  let child: ChildProcess | null = null
  const start = (): ChildProcess => {
    const started = fork(program, [], { serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] })
    started.on("exit", () => {
      if (child === started) child = null
    })
    return started
  }
  const ask = (
    message: DrawMessage | PieceMessage,
    signal: AbortSignal,
    report: (report: JobReport) => void,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted()
      child ??= start()
      const worker = child
      const send = (message: ToWorker): void => void worker.send(message, () => {})
      let timer: NodeJS.Timeout | undefined
      const cancel = (): void => {
        send({ kind: "cancel" })
        timer = setTimeout(() => worker.kill("SIGKILL"), CANCEL_TIME)
      }
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener("abort", cancel)
        worker.off("message", onMessage).off("exit", onExit).off("error", onExit)
      }
      const onMessage = (answer: FromWorker): void => {
        if (answer.kind === "report") {
          report(answer.report)
          return
        }
        end()
        if (answer.kind !== "failed") resolve(answer)
        else if (signal.aborted) reject(signal.reason)
        else reject(answer.refused ? new ServeError("refused", answer.message) : new Error(answer.message))
      }
      const onExit = (): void => {
        end()
        const how = worker.signalCode ?? `exit code ${worker.exitCode}`
        reject(
          new ServeError(
            "worker-lost",
            `the process that draws ended (${how}). If the system's log says that memory ran out, ask for smaller pictures.`,
          ),
        )
      }
      worker.on("message", onMessage).on("exit", onExit).on("error", onExit)
      signal.addEventListener("abort", cancel)
      send(message)
    })
  return {
    async draw({ input, folder, signal, report }) {
      const answer = await ask({ kind: "draw", input, folder, runtime }, signal, report)
      return answer.kind === "done" ? answer.files : []
    },
    async make({ signal, ...task }, models) {
      const answer = await ask({ kind: "piece", ...task, models, runtime }, signal, () => {})
      if (answer.kind !== "made") throw new Error("the process did not make the piece")
      return answer.made
    },
    async dispose() {
      const worker = child
      child = null
      if (worker === null || worker.exitCode !== null || worker.signalCode !== null) return
      const ended = new Promise((resolve) => worker.once("exit", resolve))
      worker.kill("SIGKILL")
      await ended
    },
  }
}
