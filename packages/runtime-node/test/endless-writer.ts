// Saves a file again and again and prints the number of each finished save. Arguments: the path, the first number.
import { writeSync } from "node:fs"
import { writeAtomically } from "../src/files/atomic-write.ts"
import { contentsOf } from "./kill-writers.ts"

const [path = "", from = "1"] = process.argv.slice(2)
for (let n = Number(from); ; n++) {
  const bytes = contentsOf(n)
  const pieces = Array.from({ length: 8 }, (_, i) =>
    bytes.subarray((i * bytes.length) / 8, ((i + 1) * bytes.length) / 8),
  )
  await writeAtomically(path, pieces)
  // Written synchronously, so that no printed number is lost when the program is killed.
  writeSync(1, `${n}\n`)
}
