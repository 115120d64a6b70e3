import { InputError, withPath } from "@lllite/runtime-node"
import { openLllite } from "../lllite-file/open-lllite.ts"
import type { ControlKinds } from "./control-files.ts"
import type { PlannedPicture } from "./plan-pictures.ts"

/**
 * Compares the holes of pictures with what their LLLites read.
 *
 * @throws InputError for an LLLite for inpainting without a hole, or for another one with a hole
 */
export async function checkHoles(pictures: readonly PlannedPicture[], kinds: ControlKinds): Promise<void> {
  for (const [path, kind] of kinds) {
    if (kind !== "lllite") continue
    const { sites } = await withPath(path, openLllite)
    const reads = sites.some(({ condChannels }) => condChannels === 4)
    for (const { recipe } of pictures) {
      for (const { file, hole } of recipe.adapters) {
        if (file.path !== path || (hole !== undefined) === reads) continue
        throw new InputError("control-hole", reads ? wanting(path) : unread(path))
      }
    }
  }
}

function wanting(path: string): string {
  return `"${path}" is for inpainting, and there is no hole. Give a picture that is white where it fills in, with --lllite_holes.`
}

function unread(path: string): string {
  return `"${path}" reads no hole: it is not for inpainting. Leave out --lllite_holes, or name "none" for this one.`
}
