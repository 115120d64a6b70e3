/** What stdout and stderr could not take. */
export interface Streams {
  /**
   * Waits until stdout has taken all text, and says on stderr what is missing there. A reader that closes the pipe early
   * is not an error: `lllite inspect … | head -1`.
   *
   * @returns the exit code: that of the command, or 1 if its result is missing on stdout
   */
  finish(code: number): Promise<number>
}

/** The first failure of a result. Progress has no such failure, since it may be dropped. */
let lostResult: Error | null = null

/**
 * Keeps the program at work if stdout or stderr cannot be written any more. Text that cannot be written is dropped.
 * Without this, a closed pipe, a full disk or a terminal that is gone ends the program with its work.
 */
export function watchStreams(): Streams {
  let lost: Error | null = null
  process.stdout.on("error", (error) => {
    if (!isClosedPipe(error)) lost ??= error
  })
  process.stderr.on("error", () => {})
  return {
    async finish(code) {
      await new Promise<void>((resolve) => process.stdout.write("", () => resolve()))
      const failure = lostResult ?? lost
      if (failure === null) return code
      const { fileError } = await import("@lllite/runtime-node/files")
      const { message } = fileError("write", "stdout", failure)
      if (lostResult === null) {
        process.stderr.write(`lllite: ${message} Lines of progress are missing there. The work went on without them.\n`)
        return code
      }
      process.stderr.write(`lllite: ${message} The report is missing there.\n`)
      return code === 0 ? 1 : code
    },
  }
}

/** Writes the result of a command to stdout. If that fails, the command ends with exit code 1. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`, (error) => {
    if (error instanceof Error && !isClosedPipe(error)) lostResult ??= error
  })
}

function isClosedPipe(error: Error): boolean {
  return "code" in error && error.code === "EPIPE"
}
