import { setImmediate } from "node:timers/promises"

/**
 * Lets this thread read the messages that have arrived. The first `setImmediate` may still run in the turn of the event
 * loop in which the thread computed. Before the second one, the loop reads messages.
 */
export async function pause(): Promise<void> {
  await setImmediate()
  await setImmediate()
}
