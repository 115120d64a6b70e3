/**
 * Writes pictures and captions for the Python scripts, so that there is one source of truth for both.
 *
 *   node draw.ts <folder> <seed> <count>
 *
 * `<folder>/pictures.u8`: [count, 128, 128, 3] bytes; `<folder>/captions.jsonl`: one JSON string per line.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { drawScene } from "../src/draw.ts"
import { captionOf, makeScene } from "../src/scene.ts"

const [folder, seed, count] = process.argv.slice(2)
if (folder === undefined || seed === undefined || count === undefined) {
  throw new Error("usage: node draw.ts <folder> <seed> <count>")
}
mkdirSync(folder, { recursive: true })
const pictures = openSync(join(folder, "pictures.u8"), "w")
const captions: string[] = []
for (let index = 0; index < Number(count); index++) {
  const scene = makeScene(Number(seed), index)
  writeSync(pictures, drawScene(scene).data)
  captions.push(JSON.stringify(captionOf(scene)))
}
closeSync(pictures)
writeFileSync(join(folder, "captions.jsonl"), `${captions.join("\n")}\n`)
