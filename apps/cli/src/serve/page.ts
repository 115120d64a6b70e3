import { execFile } from "node:child_process"
import { stat } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { UsageError } from "../terminal/errors.ts"

/** Prints the folder of a Python package, without running anything of it. */
const FIND =
  "import importlib.util as u; s = u.find_spec('comfyui_frontend_package'); print(s.submodule_search_locations[0] if s else '')"

/** Milliseconds until a Python that does not answer is ended. */
const LONGEST = 10_000

/**
 * The folder of ComfyUI's page: a given one, or `static` of the Python package comfyui-frontend-package.
 *
 * @param folder as the option names it. Missing: Python is asked
 * @returns null if no Python is given, and that of the system has no such package
 * @throws UsageError for a given folder without a page, and for a given Python that has none
 */
export async function findPage(folder: string | undefined, python: string | undefined): Promise<string | null> {
  if (folder !== undefined) {
    for (const place of [folder, join(folder, "static")]) if (await hasPage(place)) return place
    throw new UsageError(
      "options",
      `--front_end_root ${JSON.stringify(folder)} has no index.html. Give the folder "static" of comfyui-frontend-package.`,
    )
  }
  for (const program of python === undefined ? ["python3", "python"] : [python]) {
    // Python looks in the folder where it starts, too, and this may be one with files of others.
    const options = { timeout: LONGEST, cwd: homedir() }
    const found = await promisify(execFile)(program, ["-c", FIND], options).catch(() => null)
    const place = join(found?.stdout.trim() ?? "", "static")
    if (found !== null && found.stdout.trim() !== "" && (await hasPage(place))) return place
    if (python === undefined) continue
    const named = `--python ${JSON.stringify(python)}`
    const text =
      found === null
        ? `${named} cannot be run. Give the path of a Python.`
        : `${named} has no comfyui-frontend-package. Install it with: ${python} -m pip install comfyui-frontend-package`
    throw new UsageError("options", text)
  }
  return null
}

async function hasPage(folder: string): Promise<boolean> {
  return stat(join(folder, "index.html")).then(
    (found) => found.isFile(),
    () => false,
  )
}
