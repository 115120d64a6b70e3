import type { Runner } from "@lllite/serve"
import type { RuntimeChoice } from "../model/runtime-options.ts"
import type { CommandPlaces } from "./commands/command-line.ts"
import { commandLine } from "./commands/command-line.ts"
import { runCommand } from "./commands/run-command.ts"
import { createDrawingWorker } from "./worker/client.ts"

/** The files of the programs that do the work. */
export interface Programs {
  /** The process that draws pictures, with the models that it keeps. */
  readonly drawing: URL
  /** The command `lllite`, for all other jobs. */
  readonly command: string
}

/** Does the work of the server's jobs, each in a process of its own. */
export function createRunner(programs: Programs, runtime: RuntimeChoice, places: CommandPlaces): Runner {
  const worker = createDrawingWorker(programs.drawing, runtime)
  return {
    async checkCommand(kind, input) {
      await commandLine(kind, input, places)
    },
    command: (kind, task) => runCommand(programs.command, kind, task, places),
    generate: (task) => worker.draw(task),
    dispose: () => worker.dispose(),
  }
}
