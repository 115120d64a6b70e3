/** The file that is read ahead. */
export interface ReadableHandle {
  read(target: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
}

export interface ReadAheadOptions {
  /** Bytes that are read ahead of the last request. Default: 128 MiB */
  readonly window?: number
  /** Bytes of one read, into memory that is not used. Default: 4 MiB */
  readonly piece?: number
}

/** Lets the system read a file ahead while the caller works with the bytes before. */
export interface ReadAhead {
  /** Says that bytes up to `end` were requested. The bytes that follow are read ahead. */
  after(end: number): void
  /** Stops reading. Afterwards the file may be closed. */
  stop(): Promise<void>
}

/**
 * A disk is idle while weights are uploaded. Reading ahead uses this time: the next bytes go into the system's file
 * cache. A file that is read in another order costs some reads that are not used.
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
    // The memory is kept for later runs: a checkpoint has thousands of pauses.
    scratch ??= new Uint8Array(piece)
    try {
      while (!isStopped && at < goal) {
        const from = at
        const { bytesRead } = await handle.read(scratch, 0, Math.min(piece, goal - from), from)
        if (bytesRead === 0) break
        // A request may have moved `at` to another place meanwhile.
        if (at === from) at += bytesRead
      }
    } catch {
      // A request for these bytes fails again, and its error names the file.
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
