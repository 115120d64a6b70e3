import { stat } from "node:fs/promises"

/** The folder of a demo that names none. */
const DEMO_FOLDER = "demo-output"

/**
 * The folder to write into: the given one, or else `demo-output`. If that exists already, it is `demo-output-2` and so
 * on, so that a second `npm start` leaves the results of the first.
 *
 * @param replaces whether files of an earlier demo are replaced
 */
export async function demoFolder(out: string | undefined, replaces: boolean): Promise<string> {
  if (out !== undefined) return out
  for (let number = 1; ; number++) {
    const folder = number === 1 ? DEMO_FOLDER : `${DEMO_FOLDER}-${number}`
    if (replaces || !(await exists(folder))) return folder
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
