import { basename, join, parse } from "node:path"
import { type BlockDelta, UNET_BLOCKS } from "@lllite/core"
import type { Recipe } from "@lllite/core/recipe"
import { nameOnly } from "@lllite/core/recipe"
import type { GeneratedDeltas } from "@lllite/runtime-node"
import { heatMap, writeAtomically, writePng } from "@lllite/runtime-node"

/** The maps of where the adapters of a run acted. */
export interface AdapterMaps {
  /** Takes the measurements of a batch, which come before its pictures. */
  add(deltas: GeneratedDeltas): void
  /**
   * Writes the maps of a picture as `NAME.lllite.json`, and as `NAME.lllite-1.png` for the first LLLite, and so on.
   *
   * @param picture its index in the run
   * @returns the paths
   * @throws InputError
   */
  write(picture: number, path: string, recipe: Recipe): Promise<readonly string[]>
}

/** What an adapter added to a picture in one step. */
interface MapStep {
  readonly step: number
  readonly sigma: number
  readonly blocks: readonly BlockDelta[]
}

/** Creates maps in a folder. */
export function createAdapterMaps(folder: string): AdapterMaps {
  /** By picture, then by adapter. */
  const maps = new Map<number, MapStep[][]>()
  return {
    add({ first, steps }) {
      for (const { step, sigma, adapters } of steps) {
        for (const [adapter, ofAdapter] of adapters.entries()) {
          for (const [index, blocks] of ofAdapter.entries()) {
            const ofPicture = maps.get(first + index) ?? []
            maps.set(first + index, ofPicture)
            ofPicture[adapter] = [...(ofPicture[adapter] ?? []), { step, sigma, blocks }]
          }
        }
      }
    },
    async write(picture, path, recipe) {
      const ofPicture = maps.get(picture) ?? []
      maps.delete(picture)
      const name = parse(path).name
      const adapters = ofPicture.map((steps, i) => ({ ...labelOf(recipe, i), steps }))
      const json = JSON.stringify({ picture: basename(path), seed: recipe.seed, adapters }, null, 2)
      const paths = [await writeAtomically(join(folder, `${name}.lllite.json`), `${json}\n`, { existing: "rename" })]
      for (const [i, steps] of ofPicture.entries()) {
        const map = drawMap(`${labelOf(recipe, i).file} at strength ${labelOf(recipe, i).strength}`, steps)
        paths.push(await writePng(join(folder, `${name}.lllite-${i + 1}.png`), map, undefined, { existing: "rename" }))
      }
      return paths
    },
  }
}

function labelOf(recipe: Recipe, index: number): { readonly file: string; readonly strength: number } {
  const adapters = recipe.adapters.filter(({ kind }) => kind === "lllite")
  const { file, strength } = adapters[index] ?? { file: { path: "" }, strength: 0 }
  return { file: nameOnly(file).path, strength }
}

/** What an adapter added, as a share of what the layers of a block read. */
function drawMap(title: string, steps: readonly MapStep[]): ReturnType<typeof heatMap> {
  const acted = new Set(steps.flatMap(({ blocks }) => blocks.map(({ block }) => block)))
  const rows = UNET_BLOCKS.filter((block) => acted.has(block))
  return heatMap({
    title,
    rows: rows.length === 0 ? ["nowhere"] : rows,
    columns: steps.map(({ step }) => String(step)),
    values: (rows.length === 0 ? [""] : rows).map((row) =>
      steps.map(({ blocks }) => blocks.find(({ block }) => block === row)?.relative ?? null),
    ),
  })
}
