import { readFile } from "node:fs/promises"

/** Whether a process still runs, on Linux. One that has ended may stay in the table until its parent asks for it. */
export async function isRunning(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null)
  return stat !== null && !/^\d+ \(.*\) [ZX]/.test(stat)
}
