import type { VaeParts } from "../generation/encode-pictures.ts"
import type { GenerateOptions } from "../generation/request.ts"
import type { Sdxl } from "../models/sdxl.ts"
import type { VaePicture } from "../models/vae/slice-sizes.ts"
import type { RuntimeTypes } from "../runtime/tasks.ts"
import type { Tiling } from "../tiling.ts"
import type { WorkerPlace } from "./place.ts"

/** How a model's VAE takes a picture of a size apart. It is chosen for the first picture of the size. */
export type PartsOf = (picture: VaePicture) => Promise<Required<VaeParts>>

/** The parts that the options ask for, or else what fits the memory. */
export async function vaePartsOf(
  { width, height, vaeSlices, vaeTiles }: Pick<GenerateOptions, "width" | "height" | "vaeSlices" | "vaeTiles">,
  partsOf: PartsOf,
): Promise<Required<VaeParts>> {
  if (vaeSlices !== undefined || vaeTiles != null) return { vaeSlices: vaeSlices ?? 1, vaeTiles: vaeTiles ?? null }
  const parts = await partsOf({ width, height })
  return vaeTiles === null ? { ...parts, vaeTiles } : parts
}

/** Says that the VAE takes tiles by itself. */
export function tilesNotice({ size }: Tiling): string {
  return `The VAE takes tiles of ${size} px, because the picture does not fit the memory. They change it a little.`
}

/** Chooses how a model's VAE takes pictures apart, once per size. */
export function createParts<Types extends RuntimeTypes>(place: WorkerPlace<Types>, sdxl: Sdxl): PartsOf {
  const chosen = new Map<string, Promise<Required<VaeParts>>>()
  return (picture) => {
    const size = `${picture.width}×${picture.height}`
    const found = chosen.get(size) ?? place.vaeParts(sdxl, picture)
    chosen.set(size, found)
    return found
  }
}
