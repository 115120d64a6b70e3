import { areTiles, type ProductTiles } from "./tiles.ts"
import { tuneProducts } from "./tune.ts"

/** Storage for a short text, which keeps tiles from one start to the next. */
export interface TileStore {
  /** Reads the text. Rejects if there is no text, or if it cannot be read. */
  read(): Promise<string>
  write(text: string): Promise<void>
}

/**
 * Gives the stored tiles of this adapter. Without them it tunes products now and stores the tiles. A store that is
 * damaged, of another release or not readable only costs another tuning.
 *
 * @param adapter a text that is different for every adapter and driver
 * @param tune measures on the device in use. Default: `tuneProducts`
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
