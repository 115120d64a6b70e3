import { removeTensorflow, setUpTensorflow } from "@lllite/runtime-node/machine"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import type { SetupSettings } from "./options.ts"

/**
 * Builds TensorFlow's backend, or removes what was built.
 *
 * @throws InputError saying what is missing or went wrong; InterruptedError when stopped
 */
export async function runSetup(settings: SetupSettings, reporter: Reporter, signal: AbortSignal): Promise<void> {
  if (settings.remove) {
    const removed = await removeTensorflow()
    reporter.say(
      "removed",
      { removed: removed !== null, ...removed },
      removed === null ? "Nothing was set up." : `Removed ${removed.folder} (${megabytes(removed.bytes)}).`,
    )
    return
  }
  const { gpu, python, wheelDir } = settings
  try {
    const done = await setUpTensorflow({
      gpu,
      ...(python === undefined ? {} : { python }),
      ...(wheelDir === undefined ? {} : { wheelDir }),
      say: (step) => reporter.say("step", { step }, step),
      signal,
    })
    reporter.say(
      "ready",
      { ...done },
      [
        `TensorFlow ${done.tensorflow} works, on the ${done.device}; set up in ${Math.round(done.seconds)} s.`,
        `It is in ${done.folder} (${megabytes(done.bytes)}) and is used from now on.`,
        "To undo it: lllite setup tensorflow --remove",
      ].join("\n"),
    )
  } catch (error) {
    if (signal.aborted) throw new InterruptedError("stopped; nothing was set up, and nothing was left behind")
    throw error
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}
