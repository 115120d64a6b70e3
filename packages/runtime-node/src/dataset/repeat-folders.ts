import { join } from "node:path"
import { countedNotice } from "@lllite/core/names"
import { readPictureFolder } from "./picture-folder.ts"

/** A folder of pictures with its controls, and how often each pair is shown. */
export interface RepeatFolder {
  readonly imageDir: string
  readonly controlDir: string
  /** Null: the folder itself was given, and its name says nothing. */
  readonly repeats: number | null
}

/** The folders that a folder of training pictures stands for. */
export interface RepeatFolders {
  readonly folders: readonly RepeatFolder[]
  /** What the names decide: repeats, and folders that are passed over. One sentence each. */
  readonly notices: readonly string[]
}

/**
 * Finds the folders of a folder of training pictures: itself, if it has pictures or no folder `N_name`. Otherwise each
 * folder `N_name` in it, whose pairs are shown N times in an epoch. Its controls are in the folder of the same name in
 * the folder of controls, or of the name without the number, or in the folder of controls itself.
 *
 * Source: sd-scripts `generate_dreambooth_subsets_config_by_subdirs`, which its LLLite trainer does not use.
 *
 * @throws InputError when a folder cannot be read
 */
export async function findRepeatFolders(imageDir: string, controlDir: string): Promise<RepeatFolders> {
  const images = await readPictureFolder(imageDir)
  const itself = { folders: [{ imageDir, controlDir, repeats: null }], notices: [] }
  const named = [...images.folders.keys()].sort().map((name) => ({ name, repeats: repeatsIn(name) }))
  const shown = named.filter(({ repeats }) => repeats !== null && repeats >= 1)
  if (images.names.length > 0 || images.unread.length > 0 || shown.length === 0) return itself
  const controls = await readPictureFolder(controlDir)
  const controlFolder = (name: string): string => {
    const plain = name.slice(name.indexOf("_") + 1)
    const found = [name, plain].find((each) => controls.folders.has(each))
    return found === undefined ? controlDir : join(controlDir, found)
  }
  const repeated = shown.filter(({ repeats }) => repeats !== 1)
  const passedOver = named.filter((each) => !shown.includes(each)).map(({ name }) => join(imageDir, name))
  return {
    folders: shown.map(({ name, repeats }) => ({
      imageDir: join(imageDir, name),
      controlDir: controlFolder(name),
      repeats,
    })),
    notices: [
      ...countedNotice(
        repeated.map(({ name }) => join(imageDir, name)),
        "folders of pictures",
        (subject, isOne) =>
          isOne
            ? `The pairs of ${subject} are shown ${repeated[0]?.repeats} times in an epoch, as its name says.`
            : `The pairs of ${subject} are shown as often in an epoch as their names say.`,
      ),
      ...countedNotice(
        passedOver,
        "folders of pictures",
        (subject, isOne) =>
          `${subject} ${isOne ? "is" : "are"} passed over: ${isOne ? "its name does" : "their names do"} not begin with a number of repeats, as in 10_ring.`,
      ),
    ],
  }
}

/** The number before the first underscore of a name. Null: there is none. Source: sd-scripts `extract_dreambooth_params`. */
function repeatsIn(name: string): number | null {
  const [first = ""] = name.split("_")
  return /^\d{1,6}$/.test(first) ? Number(first) : null
}
