import { mkdir, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { writeAtomically } from "@lllite/runtime-node/files"

/** Uploaded pictures by the names that clients gave them. On disk, each name is a small file that holds a hash. */
export interface InputPictures {
  /** Names with their hashes. */
  readonly names: ReadonlyMap<string, string>
  /** Gives a name to a hash. @returns the name, which differs if another picture has it and `replace` is false */
  name(name: string, sha256: string, replace: boolean): Promise<string>
  /** Removes a name. Its picture stays. */
  forget(name: string): Promise<void>
}

/** The longest name of an upload in characters, without the number that makes it unique. */
const LONGEST = 60

/** Opens the names of a folder, which is made if it is missing. */
export async function openInputPictures(root: string): Promise<InputPictures> {
  const folder = join(root, "inputs")
  await mkdir(folder, { recursive: true })
  const placeOf = (name: string): string => join(folder, Buffer.from(name).toString("base64url"))
  const names = new Map<string, string>()
  for (const file of (await readdir(folder)).sort()) {
    const sha256 = await readFile(join(folder, file), "utf8")
    if (/^[0-9a-f]{64}$/.test(sha256)) names.set(Buffer.from(file, "base64url").toString("utf8"), sha256)
  }
  return {
    names,
    async name(written, sha256, replace) {
      const wanted = plainName(written)
      const dot = wanted.lastIndexOf(".")
      const [stem, ending] = dot > 0 ? [wanted.slice(0, dot), wanted.slice(dot)] : [wanted, ""]
      for (let number = 0; ; number++) {
        const name = number === 0 ? wanted : `${stem} (${number})${ending}`
        const taken = names.get(name)
        if (taken === sha256) return name
        if (taken !== undefined && !replace) continue
        names.set(name, sha256)
        // The name is the client's, and no file system has to take it.
        await writeAtomically(placeOf(name), sha256)
        return name
      }
    },
    async forget(name) {
      names.delete(name)
      await rm(placeOf(name), { force: true })
    },
  }
}

/** A name without folders and control characters, so that it can be shown and typed anywhere. */
export function plainName(written: string): string {
  const last = written.split(/[\\/]/).at(-1) ?? ""
  const name = [...last].filter((letter) => letter >= " " && letter !== "\u007f").slice(-LONGEST)
  const text = name.join("").trim()
  return /^\.*$/.test(text) ? "picture.png" : text
}
