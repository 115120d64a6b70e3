/** Milliseconds between two looks for events of Dawn. */
const PACE = 1

let isPaced = false

/**
 * Lets Dawn look for events once in a millisecond. While a promise of it is open, its binding for Node looks in every turn
 * of the event loop, by the global `setImmediate`. That takes a whole core, which drivers that compute on the CPU need:
 * two thirds of the CPU time of the contract of ops. Callbacks of others are not changed.
 */
export function paceEvents(): void {
  if (isPaced) return
  isPaced = true
  const immediate = globalThis.setImmediate
  const paced = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown =>
    isNative(callback) ? setTimeout(callback, PACE, ...args) : immediate(callback, ...args)
  globalThis.setImmediate = Object.assign(paced, immediate) as typeof setImmediate
}

/** Whether a function is a binding's own. A bound function has a name. */
function isNative(callback: (...args: unknown[]) => void): boolean {
  return callback.name === "" && Function.prototype.toString.call(callback).includes("[native code]")
}
