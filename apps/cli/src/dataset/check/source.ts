import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { fileError, InputError } from "@lllite/runtime-node/files"
import type { OptionEntry, OptionReader } from "@lllite/runtime-node/options"
import { flagName } from "../../command/command.ts"
import type { CHECK_OPTIONS } from "./options.ts"

type CheckReader = OptionReader<typeof CHECK_OPTIONS>

/** Files of a folder that describe a data set. */
const CONFIG_NAMES = ["dataset.toml", "dataset.json"] as const
/** Folders of a folder that hold pictures, and those that hold controls, by the names that people give them. */
const IMAGE_NAMES = ["images", "image", "train", "source_images", "pictures"] as const
const CONTROL_NAMES = ["controls", "control", "conditioning", "conditions", "conditioning_images", "guides"] as const

/**
 * The reader with the data set of a path: a file of data sets; a folder with such a file, or with folders of pictures
 * and controls; or a folder of pictures, if the options name that of the controls.
 *
 * @param path null: the options name the data set
 */
export async function withSource(reader: CheckReader, path: string | null): Promise<CheckReader> {
  if (path === null) {
    // Without a data set, further problems would be beside the point.
    const isNamed = (["datasetConfig", "trainDataDir", "conditioningDataDir"] as const).some(reader.isGiven)
    reader.check(["datasetConfig", "trainDataDir", "conditioningDataDir"], () =>
      isNamed ? null : "expected a data set: a file or a folder. Type: lllite dataset check FILE.toml",
    )
    if (!isNamed) reader.finish()
    return reader
  }
  for (const name of ["datasetConfig", "trainDataDir"] as const) {
    reader.check([name], () =>
      reader.isGiven(name) ? `${reader.nameOf(name)} and "${path}" both name a data set. Keep one of them` : null,
    )
  }
  const entries = await reader.examine(["datasetConfig", "trainDataDir"], () =>
    entriesOf(path, reader.isGiven("conditioningDataDir")),
  )
  if (entries === null) reader.finish()
  return entries === null ? reader : reader.override({ where: "dataset check", entries, spell: flagName })
}

async function entriesOf(path: string, hasControls: boolean): Promise<readonly OptionEntry[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw fileError("read", path, cause)
  })
  if (!found.isDirectory()) return [["dataset_config", path, "dataset_config"]]
  if (hasControls) return [["train_data_dir", path, "train_data_dir"]]
  const names = await readdir(path).catch((cause: unknown) => {
    throw fileError("read the folder", path, cause)
  })
  const first = (known: readonly string[]): string | undefined => known.find((name) => names.includes(name))
  const config = first(CONFIG_NAMES)
  if (config !== undefined) return [["dataset_config", join(path, config), "dataset_config"]]
  const [images, controls] = [first(IMAGE_NAMES), first(CONTROL_NAMES)]
  if (images === undefined || controls === undefined) {
    throw new InputError(
      "dataset-files",
      `"${path}" has no dataset.toml, and no folders images and controls. Give the folder of pictures with --train_data_dir, and that of controls with --conditioning_data_dir.`,
    )
  }
  return [
    ["train_data_dir", join(path, images), "train_data_dir"],
    ["conditioning_data_dir", join(path, controls), "conditioning_data_dir"],
  ]
}
