import { readdir, stat } from "node:fs/promises"
import { fileError, InputError } from "../../errors.ts"
import { followLinks } from "../../files/output-target.ts"
import { KERNELS_FILE } from "../kernels.ts"

/** All that a setup puts into its folder. */
const CONTENTS: ReadonlySet<string> = new Set(["site-packages", "tfjs-node", "tfjs_binding.node", KERNELS_FILE])

/**
 * Finds the folder that a setup replaces or removes. A symbolic link stays, and the folder behind it is taken.
 *
 * @returns the folder, and whether it exists
 * @throws InputError for a file, and for a folder that holds anything but a setup
 */
export async function setupPlace(folder: string): Promise<{ readonly path: string; readonly exists: boolean }> {
  try {
    const path = await followLinks(folder)
    const found = await stat(path).catch(() => null)
    if (found === null) return { path, exists: false }
    if (!found.isDirectory()) {
      throw new InputError("not-a-folder", `cannot use "${folder}": it is a file, expected a folder or a new name.`)
    }
    const others = (await readdir(path)).filter((name) => !CONTENTS.has(name))
    if (others.length === 0) return { path, exists: true }
    throw new InputError(
      "setup-folder",
      `setup tensorflow: "${folder}" holds other files, the first is "${others[0]}". Choose a new or an empty folder.`,
    )
  } catch (cause) {
    throw fileError("use", folder, cause)
  }
}
