import { readdirSync, readFileSync } from "node:fs"

/** A process that computes for less than this share of the time may be one that only waits. */
const LEAST_LOAD = 0.02

/**
 * What this process has done until now: seconds of a clock, seconds that it has computed for with all threads, and whether
 * one of its other threads could compute at the moment.
 */
export function effort() {
  const { user, system } = process.cpuUsage()
  return { clock: performance.now() / 1000, computing: (user + system) / 1e6, isReady: threadStates().includes("R") }
}

/**
 * Whether a process has only waited between two efforts. On a machine that is busy with other work, a thread that could
 * compute hardly does. That is not waiting. Only Linux tells such threads.
 */
export function onlyWaited(before, now) {
  return !now.isReady && now.computing - before.computing < LEAST_LOAD * (now.clock - before.clock)
}

/** The state of every thread except the main one, which reads them: R for one that computes or could. */
function threadStates() {
  const folder = "/proc/self/task"
  try {
    return readdirSync(folder)
      .filter((thread) => thread !== String(process.pid))
      .map((thread) => stateOf(`${folder}/${thread}/stat`))
  } catch {
    return []
  }
}

/** The letter after the name in parentheses, or nothing for a thread that has ended meanwhile. */
function stateOf(path) {
  try {
    return /\) (.)/.exec(readFileSync(path, "utf8"))?.[1]
  } catch {
    return undefined
  }
}
