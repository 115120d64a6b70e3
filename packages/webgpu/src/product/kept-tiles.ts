import { checkArgument, checkGiven } from "@lllite/core/names"
import { readKept, type TextStore, writeKept } from "../device/text-store.ts"
import { areTiles, type ProductTiles } from "./tiles.ts"
import { tuneProducts } from "./tune.ts"

/**
 * Gives the stored tiles of this adapter. Without them it tunes products now and stores the tiles. A store that is
 * damaged, of another release or not readable only costs another tuning.
 *
 * @param adapter a text that is different for every adapter and driver
 * @param tune measures on the device in use. Default: `tuneProducts`
 */
export async function keptTiles(
  store: TextStore,
  adapter: string,
  tune: () => Promise<ProductTiles> = tuneProducts,
): Promise<ProductTiles> {
  checkGiven("tiles: the store", store, "read", "the runtime, with read and write,")
  checkArgument("tiles: the adapter", adapter, "text")
  checkArgument("tiles: the measurement", tune, "a function")
  const kept = await readKept(store)
  const known = kept[adapter]
  if (areTiles(known)) return known
  const tiles = await tune()
  await writeKept(store, { ...kept, [adapter]: tiles })
  return tiles
}
