import { areTiles, type ProductTiles } from "./tiles.ts"
import { tuneProducts } from "./tune.ts"

/** Where tiles are kept from one start to the next: a short text. */
export interface TileStore {
  /** What was written last. Rejects where there is nothing, or nothing can be read. */
  read(): Promise<string>
  write(text: string): Promise<void>
}

/**
 * Tiles of products as they were tuned on this adapter before, or else as they are tuned now, which is kept. A store
 * that is damaged, of another release or out of reach costs another tuning and nothing else.
 *
 * @param adapter what tells adapters and drivers apart
 * @param tune measures on the device in use. Default: `tuneProducts`.
 */
export async function keptTiles(
  store: TileStore,
  adapter: string,
  tune: () => Promise<ProductTiles> = tuneProducts,
): Promise<ProductTiles> {
  const kept = await readKept(store)
  const known = kept[adapter]
  if (areTiles(known)) return known
  const tiles = await tune()
  await store.write(`${JSON.stringify({ ...kept, [adapter]: tiles }, null, 2)}\n`).catch(() => {})
  return tiles
}

async function readKept(store: TileStore): Promise<Partial<Record<string, unknown>>> {
  try {
    return Object(JSON.parse(await store.read()))
  } catch {
    return {}
  }
}
