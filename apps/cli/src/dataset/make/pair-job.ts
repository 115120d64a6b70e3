import { createReadStream } from "node:fs"
import { readFile, stat } from "node:fs/promises"
import type { ImageSize } from "@lllite/runtime-node"
import { writeAtomically } from "@lllite/runtime-node"
import { exists } from "./marked-files.ts"

/** A pair to make of a picture. */
export interface PairJob {
  readonly picture: string
  /** The copy of the picture. Null: it stays where it is. */
  readonly copy: string | null
  readonly caption: { readonly from: string; readonly to: string } | null
  readonly control: string
  readonly mark: string
  readonly size: ImageSize
  /** Whether the control and the copies are there. */
  readonly isFinished: boolean
}

/** Whether two files have the same bytes. */
export async function isCopy(from: string, to: string): Promise<boolean> {
  const sizes = await Promise.all([from, to].map((path) => stat(path).catch(() => null)))
  const [a, b] = sizes
  if (a?.size === undefined || a.size !== b?.size || b.isFile() === false) return false
  const [first, second] = await Promise.all([readFile(from), readFile(to)])
  return first.equals(second)
}

/** Copies the picture of a pair and its caption, if the data set has copies. */
export async function copyPicture(
  { picture, copy, caption }: Pick<PairJob, "picture" | "copy" | "caption">,
  force: boolean,
): Promise<void> {
  if (copy !== null && !(await isCopy(picture, copy))) await writeAtomically(copy, createReadStream(picture))
  // A caption that was changed by hand is kept.
  if (caption !== null && (force ? !(await isCopy(caption.from, caption.to)) : !(await exists(caption.to))))
    await writeAtomically(caption.to, createReadStream(caption.from))
}
