/** What it reads from. */
export interface ReadableHandle {
  read(target: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
}

export interface ReadAheadOptions {
  /** How many bytes ahead of what is asked for a file is read; 128 MiB unless given. */
  readonly window?: number
  /** How many of them at a time, into memory that nobody looks at; 4 MiB unless given. */
  readonly piece?: number
}

/** Has the system read on in a file while somebody works with what came before it. */
export interface ReadAhead {
  /** What ends here has been asked for: what follows will be. */
  after(end: number): void
  /** Ends it; the file may be closed then. */
  stop(): Promise<void>
}

/**
 * A disk is idle while weights are taken over, unless somebody asks it for the next ones: this does, and leaves them in
 * the system's cache of files. A file that is read in another order costs some reading for nothing.
 */
export function createReadAhead(
  handle: ReadableHandle,
  size: number,
  { window = 2 ** 27, piece = 2 ** 22 }: ReadAheadOptions = {},
): ReadAhead {
  let at = 0
  let goal = 0
  let isStopped = false
  let isRunning = false
  let run: Promise<void> = Promise.resolve()
  let scratch: Uint8Array | null = null
  const readOn = async (): Promise<void> => {
    // Kept from one time to the next: a checkpoint has thousands of pauses.
    scratch ??= new Uint8Array(piece)
    try {
      while (!isStopped && at < goal) {
        const from = at
        const { bytesRead } = await handle.read(scratch, 0, Math.min(piece, goal - from), from)
        if (bytesRead === 0) break
        // Somebody may have gone on elsewhere meanwhile.
        if (at === from) at += bytesRead
      }
    } catch {
      // It fails again, and by name, for whoever wants these bytes.
    } finally {
      isRunning = false
    }
  }
  return {
    after(end) {
      if (end > at || end < at - 2 * window) at = end
      goal = Math.min(size, end + window)
      if (isRunning) return
      isRunning = true
      run = readOn()
    },
    async stop() {
      isStopped = true
      await run
    },
  }
}
