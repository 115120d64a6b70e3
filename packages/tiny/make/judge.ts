/**
 * Judges pictures that the Python scripts generated.
 *
 *   node judge.ts <folder>
 *
 * Reads `pictures.u8` and `captions.jsonl` as `draw.ts` writes them; prints one JSON judgement per line.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { judge } from "../src/judge.ts"

const side = 128
const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error("usage: node judge.ts <folder>")
const bytes = readFileSync(join(folder, "pictures.u8"))
const captions = readFileSync(join(folder, "captions.jsonl"), "utf8").trim().split("\n")
for (const [index, line] of captions.entries()) {
  const data = bytes.subarray(index * side * side * 3, (index + 1) * side * side * 3)
  const caption: unknown = JSON.parse(line)
  if (typeof caption !== "string") throw new Error(`${folder}/captions.jsonl: line ${index + 1} is not a string`)
  process.stdout.write(`${JSON.stringify({ caption, ...judge({ width: side, height: side, data }, caption) })}\n`)
}
