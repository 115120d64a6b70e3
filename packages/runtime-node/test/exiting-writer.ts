// Exits in the middle of a save. Prints the number of files in its folder before. Argument: the path to save to.
import { readdirSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import { writeAtomically } from "../src/files/atomic-write.ts"

const [path = ""] = process.argv.slice(2)
async function* pieces(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1000)
  writeSync(1, `${readdirSync(dirname(path)).length} file\n`)
  process.exit(3)
}
await writeAtomically(path, pieces())
