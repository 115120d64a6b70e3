import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { countedNotice } from "@lllite/core/names"
import type { LatentStore, StoredExample } from "@lllite/core/training"
import { fileError, InputError } from "../errors.ts"
import { writeAtomically } from "../files/atomic-write.ts"
import { npzFile, readNpz } from "../npz/npz.ts"
import type { CachedFit, LatentArrays, LatentFacts } from "./latent-file.ts"
import {
  formerLatentPath,
  isLatentArray,
  latentArrays,
  latentFacts,
  latentPath,
  latentProblem,
  latentsIn,
  maskIn,
  otherSizes,
} from "./latent-file.ts"

/** How latents are kept beside the pictures. */
export interface LatentCacheOptions {
  /** The fingerprint of the VAE's encoder: see `vaeFingerprint`. */
  readonly vae: string
  /** Takes every file that is there as it is. Its size is still checked when it is read. Default: false */
  readonly skipCheck?: boolean
}

/** A picture whose latents are kept. */
export interface CachedPicture extends CachedFit {
  readonly image: string
  /** How it is fitted, in words: what the latents depend on beside the picture. */
  readonly fit: string
  /** Whether another example shows the picture at another size, in the same file. */
  readonly sharesFile: boolean
  /** What a step reads beside the latents. */
  readonly rest: (isFlipped: boolean) => Promise<Omit<StoredExample, "latents" | "mask">>
  /** The alpha of the fitted picture, 0 to 255. Null: it has none. */
  readonly mask: () => Promise<Uint8Array | null>
}

/** A store that says what it found. */
export interface LatentFiles extends LatentStore {
  notices(): readonly string[]
}

/**
 * Keeps latents in files beside the pictures, which sd-scripts reads and writes, too. A file is used if its latents have
 * the size of the bucket, the picture's size and crop, the mirrored latents and the mask where they are needed, and only
 * finite values. A file of this program also says which VAE and which picture it is of, and how that was fitted. A file
 * under sd-scripts' former name is read where there is none under the present one.
 *
 * Source: sd-scripts `library/strategy_sd.py`.
 *
 * @param pictureAt the picture of an example, by the example's index
 */
export function createLatentFiles(
  { vae, skipCheck = false }: LatentCacheOptions,
  pictureAt: (index: number) => CachedPicture,
): LatentFiles {
  const found = { unchecked: [] as string[], stale: [] as string[], reasons: new Map<string, string>() }
  /** Files may be shared by several examples, so they are written one after another. */
  let writing: Promise<unknown> = Promise.resolve()
  const pathOf = ({ image, original }: CachedPicture): string => latentPath(image, original)
  /** The file to read. Null: there is none. A former file has one size, and a file of several replaces it. */
  const find = async (picture: CachedPicture): Promise<string | null> => {
    const path = pathOf(picture)
    if (await exists(path)) return path
    const former = formerLatentPath(picture.image)
    return !picture.sharesFile && (await exists(former)) ? former : null
  }

  const write = async (picture: CachedPicture, latents: readonly Float32Array[]): Promise<void> => {
    const path = pathOf(picture)
    const mask = picture.isMasked ? ((await picture.mask()) ?? opaque(picture)) : null
    const facts: LatentFacts = { vae, fit: picture.fit, ...(await fileFacts(picture.image)) }
    // Another data set may show the picture at other sizes, also where this one shows it at one. Source: sd-scripts,
    // which keeps what is in the file.
    const before = await readNpz(path, isLatentArray).catch(() => new Map())
    const arrays = latentArrays(latents, picture, facts, mask, picture.sharesFile)
    await writeAtomically(path, npzFile(new Map([...otherSizes(before, picture), ...arrays])))
  }

  return {
    async has(index) {
      const picture = pictureAt(index)
      const path = await find(picture)
      if (path === null) return false
      if (skipCheck) return true
      const problem = await problemOf(path, picture, vae)
      if (problem === null) return true
      if (problem === "unchecked") {
        found.unchecked.push(path)
        return true
      }
      found.stale.push(path)
      found.reasons.set(path, problem)
      return false
    },

    async read(index, isFlipped) {
      const picture = pictureAt(index)
      const path = (await find(picture)) ?? pathOf(picture)
      const arrays = await readNpz(path, isLatentArray)
      const problem = latentProblem(arrays, picture)
      if (problem !== null) {
        throw new InputError(
          "array-file",
          `"${path}" does not fit its picture: ${problem}. Remove it. It is made anew.`,
        )
      }
      const latents = latentsIn(arrays, isFlipped, picture.bucket)
      const rest = await picture.rest(isFlipped)
      if (!picture.isMasked) return { ...rest, latents }
      const [width, height] = picture.bucket
      const data = maskIn(arrays, picture.bucket)
      return { ...rest, latents, mask: { width, height, data: isFlipped ? mirrored(data, width) : data } }
    },

    write(index, latents) {
      const written = writing.then(() => write(pictureAt(index), latents))
      writing = written.catch(() => {})
      return written
    },

    notices: () => [
      ...countedNotice(
        found.stale,
        "files of latents",
        (subject, isOne) =>
          `${subject} ${isOne ? "is" : "are"} made anew. The reason${isOne ? "" : " of the first"}: ${found.reasons.get(found.stale[0] ?? "")}.`,
      ),
      ...countedNotice(
        found.unchecked,
        "files of latents",
        (subject, isOne) =>
          `${subject} ${isOne ? "is" : "are"} of another program, and ${isOne ? "does" : "do"} not say which VAE made the latents. ` +
          `${isOne ? "It is" : "They are"} used. Remove ${isOne ? "it" : "them"} if the VAE was another.`,
      ),
    ],
  }
}

/** Why a file cannot be used, as a clause. "unchecked": it fits, and says nothing of its VAE. Null: it can be used. */
async function problemOf(path: string, picture: CachedPicture, vae: string): Promise<string | null> {
  let arrays: LatentArrays
  try {
    arrays = await readNpz(path, isLatentArray)
  } catch (error) {
    if (error instanceof InputError && error.code !== "file") return "it is damaged"
    throw error
  }
  const problem = latentProblem(arrays, picture)
  if (problem !== null) return problem
  const facts = latentFacts(arrays, picture)
  if (facts === null) {
    const isOlder = (await stat(path)).mtimeMs < (await stat(picture.image)).mtimeMs
    return isOlder ? "its picture was changed after it" : "unchecked"
  }
  if (facts.vae !== vae) return "its VAE is another"
  if (facts.fit !== picture.fit) return "its picture was fitted in another way"
  const { size, mtimeMs } = await stat(picture.image)
  if (facts.bytes === size && facts.changed === mtimeMs) return null
  return facts.bytes === size && facts.sha256 === (await sha256(picture.image)) ? null : "its picture was changed"
}

async function fileFacts(image: string): Promise<Pick<LatentFacts, "bytes" | "sha256" | "changed">> {
  const { size, mtimeMs } = await stat(image)
  return { bytes: size, changed: mtimeMs, sha256: await sha256(image) }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256")
  try {
    for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array)
  } catch (cause) {
    throw fileError("read", path, cause)
  }
  return hash.digest("hex")
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

function opaque({ bucket: [width, height] }: CachedFit): Uint8Array {
  return new Uint8Array(width * height).fill(255)
}

/** Rows of bytes, each from right to left. */
function mirrored(data: Uint8Array, width: number): Uint8Array {
  const result = data.slice()
  for (let from = 0; from < result.length; from += width) result.subarray(from, from + width).reverse()
  return result
}
