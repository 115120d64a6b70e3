import { readFile } from "node:fs/promises"
import { areTiles, type ProductTiles } from "@lllite/webgpu"
import { writeAtomically } from "../files/atomic-write.ts"

/**
 * Tiles of products as they were tuned on this adapter before, or else as `tune` finds them now, which are kept. A file
 * that is damaged, of another release or out of reach costs another tuning and nothing else.
 *
 * @param path of the file that keeps those of every adapter
 * @param adapter what tells adapters and drivers apart
 */
export async function tilesFor(
  path: string,
  adapter: string,
  tune: () => Promise<ProductTiles>,
): Promise<ProductTiles> {
  const kept = await readKept(path)
  const known = kept[adapter]
  if (areTiles(known)) return known
  const tiles = await tune()
  await writeAtomically(path, `${JSON.stringify({ ...kept, [adapter]: tiles }, null, 2)}\n`).catch(() => {})
  return tiles
}

async function readKept(path: string): Promise<Partial<Record<string, unknown>>> {
  try {
    return Object(JSON.parse(await readFile(path, "utf8")))
  } catch {
    return {}
  }
}
