import type { WebSocket } from "ws"
import { RanksError } from "./errors.ts"
import { createMessageReader, MESSAGE_LIMITS, packMessage } from "./message.ts"

/** The largest frame that is taken. Ours have 2 MiB. */
export const MAX_FRAME = 4 * 2 ** 20

/** Milliseconds between two signs of life, and after which a silent connection is lost. */
const PING = 5000
const SILENCE = 30_000

/** What a message of an end may have that has not said who it is. */
const HELLO_LIMITS = { head: 64 * 1024, arrays: 0 }

/** One end of a connection between a rank and the leading process. */
export interface Link {
  /** Sends a message after those before it. Resolves when its last frame was handed to the system. */
  send(message: unknown): Promise<void>
  /** Ends the connection. The other end gets what was sent before. */
  close(): void
  /** Ends the connection at once. */
  drop(reason: string): void
}

export interface LinkEvents {
  /** Whether the other end has said who it is. Before that, only small messages are read. Default: it has */
  isKnown?(): boolean
  message(message: unknown): void
  /** The connection has ended. It is called once. */
  ended(reason: string): void
}

/** Sends and reads messages over an open WebSocket, and watches that the other end is alive. */
export function createLink(socket: WebSocket, { isKnown = () => true, message, ended }: LinkEvents): Link {
  const reader = createMessageReader(() => (isKnown() ? MESSAGE_LIMITS : HELLO_LIMITS))
  let sending: Promise<void> = Promise.resolve()
  let reason = "the connection ended"
  let isOver = false
  let heard = performance.now()
  const drop = (why: string): void => {
    if (!isOver) reason = why
    socket.terminate()
  }
  let watched = performance.now()
  const watch = setInterval(() => {
    const now = performance.now()
    // This process itself was too busy to hear anything.
    if (now - watched > 2 * PING) heard = now
    watched = now
    const silent = now - heard
    if (silent > SILENCE) drop(`nothing came for ${Math.round(silent / 1000)} s`)
    else socket.ping()
  }, PING)
  for (const sign of ["message", "ping", "pong"] as const) {
    socket.on(sign, () => {
      heard = performance.now()
    })
  }
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    try {
      if (!isBinary) throw new RanksError("message", "ranks: a message is text. All ranks must be of one version.")
      const read = reader.take(data)
      if (read !== null) message(read.message)
    } catch (error) {
      drop(error instanceof Error ? error.message : String(error))
    }
  })
  socket.on("error", (error) => drop(error.message))
  socket.on("close", () => {
    clearInterval(watch)
    isOver = true
    ended(reason)
  })
  /** Waits for each frame, so that a slow connection holds one frame and not all of a message. */
  const sendNow = async (message: unknown): Promise<void> => {
    for (const frame of packMessage(message)) {
      await new Promise<void>((resolve, reject) => {
        socket.send(frame, { binary: true }, (error) => (error == null ? resolve() : reject(error)))
      })
    }
  }
  return {
    send(message) {
      const sent = sending.then(() => sendNow(message))
      // A message that cannot be sent would be waited for at the other end.
      sending = sent.catch((error: unknown) => drop(error instanceof Error ? error.message : String(error)))
      return sent
    },
    close() {
      void sending.then(() => socket.close())
    },
    drop,
  }
}
