import { setImmediate } from "node:timers/promises"

/**
 * Reads the messages that have come to this thread. The first turn may still belong to the round of the event loop in
 * which the thread computed; before the second the loop has looked for messages.
 */
export async function pause(): Promise<void> {
  await setImmediate()
  await setImmediate()
}
