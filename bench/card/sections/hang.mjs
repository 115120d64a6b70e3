// Never ends, and starts a process that never ends. It tests the limits.
import { spawn } from "node:child_process"

export function run({ write }) {
  const { pid } = spawn("/bin/sleep", ["600"], { stdio: "ignore" })
  write({ pid })
  return new Promise(() => {})
}
