import { createInterface } from "node:readline"

/** The streams of a terminal or a pipe. */
export interface TypedStreams {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  /** Whether both are a terminal, where lines can be edited. */
  readonly isTerminal: boolean
}

/** Lines as they are typed. */
export interface TypedLines {
  /** Asks for a line. @returns null at the end of the input, or after a stop */
  next(): Promise<string | null>
  close(): void
}

/**
 * Reads lines as they are typed. In a terminal, arrow keys bring back earlier lines, and lines that are typed while a
 * picture is drawn wait for their turn.
 *
 * @param interrupt called at Ctrl-C. A terminal whose lines can be edited sends no signal
 */
export function createTypedLines(
  { input, output, isTerminal: terminal }: TypedStreams,
  signal: AbortSignal,
  interrupt: () => void = () => void process.emit("SIGINT"),
): TypedLines {
  const lines = createInterface({ input, output, terminal, signal, prompt: "prompt> " })
  // Without a listener, the interface would close, and the picture would be drawn to its end.
  lines.on("SIGINT", interrupt)
  // After Ctrl-Z and `fg`, the interface would stay paused.
  lines.on("SIGCONT", () => lines.resume())
  let isOpen = true
  lines.on("close", () => {
    isOpen = false
  })
  const typed = lines[Symbol.asyncIterator]()
  return {
    async next() {
      // What is typed meanwhile keeps its cursor. A prompt after the end would read the input again.
      if (terminal && isOpen) lines.prompt(true)
      const { value, done } = await typed.next()
      return done === true ? null : value
    },
    close: () => lines.close(),
  }
}
