import { removeTensorflow, setUpTensorflow } from "@lllite/runtime-node/machine"
import { InterruptedError } from "../terminal/errors.ts"
import type { Reporter } from "../terminal/progress.ts"
import type { SetupSettings } from "./options.ts"

/**
 * Builds TensorFlow's backend, or removes what was built.
 *
 * @throws InputError naming what is missing or failed; InterruptedError when stopped
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
        `TensorFlow ${done.tensorflow} works on the ${done.device}. Setup took ${Math.round(done.seconds)} s.`,
        `It is in ${done.folder} (${megabytes(done.bytes)}) and is used from now on.`,
        "To remove it, type: lllite setup tensorflow --remove",
      ].join("\n"),
    )
  } catch (error) {
    if (signal.aborted) throw new InterruptedError("stopped. Nothing was set up, and no file is left")
    throw error
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}
