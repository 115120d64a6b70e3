// Ends in the middle of a row, as a crash of the driver does. It tests how the results are read.
import { appendFileSync } from "node:fs"
import process from "node:process"

export function run({ write }) {
  write({ step: 1 })
  appendFileSync(process.env.LLLITE_CARD_RESULTS, '{"section":"crash","error":"Err')
  process.kill(process.pid, "SIGKILL")
  return new Promise(() => {})
}
