import { createHash } from "node:crypto"
import type { FileReference, Recipe } from "@lllite/core/recipe"
import { withPath } from "@lllite/runtime-node"

/** Bytes that are hashed at once. */
const HASHED_BYTES = 2 ** 22

/**
 * A function that puts the hashes of files into recipes: of adapters with their pictures, and of LoRAs. Each file is
 * read once. A checkpoint gets no hash: that would take longer than a picture.
 */
export function createHasher(): (recipe: Recipe) => Promise<Recipe> {
  const hashes = new Map<string, Promise<string>>()
  const hashed = async ({ path }: FileReference): Promise<FileReference> => {
    const hash = hashes.get(path) ?? hashOf(path)
    hashes.set(path, hash)
    return { path, sha256: await hash }
  }
  const hashedAll = async <T extends { readonly file: FileReference }>(uses: readonly T[]): Promise<readonly T[]> =>
    Promise.all(uses.map(async (use) => ({ ...use, file: await hashed(use.file) })))
  const hashedParts = async (parts: NonNullable<Recipe["parts"]>): Promise<NonNullable<Recipe["parts"]>> =>
    Promise.all(
      parts.map(async (part) =>
        part.mask === undefined ? part : { ...part, mask: { ...part.mask, file: await hashed(part.mask.file) } },
      ),
    )
  return async (recipe) => ({
    ...recipe,
    model: { ...recipe.model, loras: await hashedAll(recipe.model.loras) },
    textualInversions: await hashedAll(recipe.textualInversions),
    loras: await hashedAll(recipe.loras),
    ...(recipe.regions === undefined
      ? {}
      : { regions: { ...recipe.regions, file: await hashed(recipe.regions.file) } }),
    ...(recipe.parts === undefined ? {} : { parts: await hashedParts(recipe.parts) }),
    ...(recipe.negativeParts === undefined ? {} : { negativeParts: await hashedParts(recipe.negativeParts) }),
    start:
      recipe.start === null
        ? null
        : {
            ...recipe.start,
            image: await hashed(recipe.start.image),
            mask: recipe.start.mask === null ? null : await hashed(recipe.start.mask),
          },
    adapters: await Promise.all(
      recipe.adapters.map(async (adapter) => {
        const { file, control, mask, hole } = adapter
        return {
          ...adapter,
          file: await hashed(file),
          control: control === null ? null : { ...control, file: await hashed(control.file) },
          ...(mask === undefined ? {} : { mask: { ...mask, file: await hashed(mask.file) } }),
          ...(hole === undefined ? {} : { hole: { ...hole, file: await hashed(hole.file) } }),
        }
      }),
    ),
  })
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256")
  await withPath(path, async ({ size, read }) => {
    for (let at = 0; at < size; at += HASHED_BYTES) hash.update(await read(at, Math.min(size, at + HASHED_BYTES)))
  })
  return hash.digest("hex")
}
