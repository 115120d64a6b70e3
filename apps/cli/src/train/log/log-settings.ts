import type { OptionReader } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "../options/index.ts"
import { NO_WANDB } from "../options/watching.ts"
import type { HyperParameter } from "./event-file.ts"

type TrainReader = OptionReader<typeof TRAIN_OPTIONS>

/** Where a run is logged. */
export interface LogSettings {
  /** The folder of all logs. */
  readonly dir: string
  /** Stands before the time in the name of the log's folder. */
  readonly prefix: string
  /** The folder of the events in the log's folder. */
  readonly trackerName: string
  /** Options for TensorBoard's HPARAMS page. Null: none. */
  readonly options: Readonly<Record<string, HyperParameter>> | null
}

/** Options that have no effect without `logging_dir`. */
const OTHERS = ["logPrefix", "logTrackerName", "logConfig"] as const

/** The settings of a log. Null: the run is not logged. The reader keeps the problems. */
export function readLogging(reader: TrainReader): {
  readonly log: LogSettings | null
  readonly notices: readonly string[]
} {
  const { settings, check, isGiven, nameOf } = reader
  const { loggingDir: dir, logWith, logPrefix: prefix, logTrackerName: trackerName } = settings
  check(["logWith", "loggingDir"], () =>
    logWith !== undefined && dir === undefined
      ? `${nameOf("logWith")} needs ${nameOf("loggingDir")}, a folder for the logs. Give both`
      : null,
  )
  for (const name of ["logPrefix", "logTrackerName"] as const) {
    check([name], () =>
      isFileName(settings[name]) ? null : `${nameOf(name)} is "${settings[name]}", expected a name without folders`,
    )
  }
  if (dir === undefined) {
    const unused = OTHERS.filter((name) => isGiven(name))
    return {
      log: null,
      notices: unused.map((name) => `${nameOf(name)} has no effect without ${nameOf("loggingDir")}.`),
    }
  }
  const notices = logWith === "all" ? [`${nameOf("logWith")} all writes TensorBoard's file alone: ${NO_WANDB}.`] : []
  return { log: { dir, prefix, trackerName, options: settings.logConfig ? optionsOf(reader) : null }, notices }
}

/** Options whose values say where files are. Logs are shown to others. Source: sd-scripts `get_sanitized_config_or_none`. */
const PATHS = [
  ...["pretrainedModelNameOrPath", "vae", "unet", "networkWeights", "resume", "configFile", "datasetConfig", "inJson"],
  ...["trainDataDir", "conditioningDataDir", "outputDir", "loggingDir", "metadataThumbnail", "samplePrompts"],
]

function optionsOf({ settings }: TrainReader): Readonly<Record<string, HyperParameter>> {
  const shown = Object.entries<unknown>(settings).flatMap(([name, value]): [string, HyperParameter][] => {
    if (PATHS.includes(name) || value === undefined || value === null) return []
    if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") return [[name, value]]
    return [[name, typeof value === "bigint" ? String(value) : JSON.stringify(value)]]
  })
  return Object.fromEntries(shown)
}

function isFileName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names with control characters are refused
  return !/[/\\\u0000-\u001f]/.test(name) && name !== "." && name !== ".."
}
