import { basename } from "node:path"
import type { Library, PieceRunner } from "@lllite/serve"
import { findModel, ServeError } from "@lllite/serve"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import { createDrawingWorker } from "../serve/worker/client.ts"

/** Makes pieces in a process of its own, which keeps its models. @param program the file of the process's program */
export function createPieceRunner(program: URL, runtime: RuntimeChoice, library: Library): PieceRunner {
  const worker = createDrawingWorker(program, runtime)
  return {
    async make(task) {
      const models: string[] = []
      for (const { kind, name } of task.piece.models) {
        const path = findModel(await library.list(kind), name)?.path
        // Another ending would be in the text of the pictures.
        if (path === undefined || basename(path) !== name) {
          const text = `the ${kind} ${JSON.stringify(name.slice(0, 200))} is not on this worker. Put it into a folder of its --models_dir.`
          throw new ServeError("file-unknown", text)
        }
        models.push(path)
      }
      return worker.make(task, models)
    },
    dispose: () => worker.dispose(),
  }
}
