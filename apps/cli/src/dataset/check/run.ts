import type { DatasetConfig, Finding, ReportProgress, SubsetPlace } from "@lllite/runtime-node"
import { InputError, pairSheet, reportDataset, tryOutputs, writePng } from "@lllite/runtime-node"
import type { OptionReader, Problem } from "@lllite/runtime-node/options"
import { looksLikeJson, parseToml, problemsOf, readSettingsText } from "@lllite/runtime-node/options"
import { describeInput } from "../../terminal/errors.ts"
import { createReporter } from "../../terminal/progress.ts"
import { print } from "../../terminal/streams.ts"
import { plural } from "../../terminal/text.ts"
import type { DatasetSettings } from "../../train/settings.ts"
import { examineFolders, trainingSetConfig } from "../../train/training-set.ts"
import type { CHECK_OPTIONS } from "./options.ts"
import type { CheckReport } from "./report.ts"
import { describeReport } from "./text.ts"

type CheckReader = OptionReader<typeof CHECK_OPTIONS>

/** The reader of the data set. */
const CHECK = {
  label: "dataset check",
  ownOption:
    "It is an option of train. To check the data set of such a file, type: lllite dataset check --config_file FILE",
} as const

/** Milliseconds between two reports about the files of a data set. */
const REPORT_EVERY = 500

/**
 * Checks a data set and prints the report. Progress goes to stderr.
 *
 * @throws UsageError with all problems of options; InputError if the data set cannot be trained; the signal's reason
 * when stopped
 */
export async function runCheck(reader: CheckReader, dataset: DatasetSettings, signal: AbortSignal): Promise<void> {
  const { settings, notes } = reader
  const config = await readConfig(reader, dataset)
  const { sheet, force, json } = settings
  await reader.examine(["sheet"], async () => {
    if (sheet === undefined) return
    if (!/\.png$/i.test(sheet)) {
      throw new InputError(
        "not-a-file",
        `cannot write "${sheet}": the sheet is a PNG. Choose a name that ends with .png.`,
      )
    }
    await tryOutputs([sheet], { existing: force ? "replace" : "refuse" })
  })
  finishOrPrint(reader, json)
  if (config === null) return
  const { report, pairs } = await examined(config, settings.weightedCaptions, signal)
  const isDrawn = sheet !== undefined && pairs.length > 0
  if (isDrawn) {
    const title = `${plural(pairs.length, "pair")}, seed ${settings.seed}`
    const image = await pairSheet(pairs, { title, count: settings.sheetPairs, seed: settings.seed, signal })
    signal.throwIfAborted()
    await writePng(sheet, image, undefined, { existing: force ? "replace" : "refuse" })
  }
  const place = await placer(dataset)
  const optionNotes = notes.map((text): Finding => ({ kind: "option", level: "note", text, files: [] }))
  const findings = [...report.findings, ...optionNotes].map(({ place: subset, ...finding }) =>
    subset === undefined ? finding : { ...finding, ...place(subset) },
  )
  const count = (level: Finding["level"]): number => findings.filter((finding) => finding.level === level).length
  const result: CheckReport = {
    ...report,
    source: "config" in dataset.source ? dataset.source.config : dataset.source.imageDir,
    ...{ problems: count("problem"), warnings: count("warning"), notes: count("note"), findings },
    sheet: isDrawn ? sheet : null,
  }
  print(json ? JSON.stringify(result, null, 2) : describeReport(result))
  if (report.canTrain) return
  throw new InputError(
    "dataset-files",
    `dataset check: ${plural(result.problems, "problem")}. The data set cannot be trained before ${result.problems === 1 ? "it is" : "they are"} solved.`,
  )
}

async function readConfig(reader: CheckReader, dataset: DatasetSettings): Promise<DatasetConfig | null> {
  const keys =
    "config" in dataset.source
      ? (["datasetConfig"] as const)
      : (["trainDataDir", "conditioningDataDir", "resolution", "bucketResoSteps"] as const)
  if (!(await examineFolders(reader, dataset))) return null
  return reader.examine(keys, () => trainingSetConfig({ ...reader.settings, dataset }, CHECK))
}

/** Throws the problems of options. With `json`, they are printed as a report, too. */
function finishOrPrint(reader: CheckReader, json: boolean): void {
  try {
    reader.finish()
  } catch (error) {
    const text = describeInput(error)
    if (json && text !== null) {
      const problems = problemsOf(error) ?? [{ where: "dataset check", text }]
      const findings = problems.map((problem) => ({ kind: "option", level: "problem", ...problem, files: [] }))
      print(JSON.stringify({ canTrain: false, problems: findings.length, warnings: 0, notes: 0, findings }, null, 2))
    }
    throw error
  }
}

async function examined(
  config: DatasetConfig,
  weightedCaptions: boolean,
  signal: AbortSignal,
): ReturnType<typeof reportDataset> {
  const reporter = createReporter(process.stderr)
  let reported = performance.now()
  const onProgress = ({ phase, done, count }: ReportProgress): void => {
    // A small data set takes less time than one report.
    if (performance.now() - reported < REPORT_EVERY) return
    reported = performance.now()
    reporter.progress(phase === "list" ? "list pairs" : "check pictures", done, count)
  }
  try {
    return await reportDataset(config, { signal, weightedCaptions, onProgress })
  } finally {
    reporter.close()
  }
}

/** Finds the place of a subset in the file of data sets. */
async function placer({ source }: DatasetSettings): Promise<(subset: SubsetPlace) => Pick<Problem, "where" | "line">> {
  if (!("config" in source)) return () => ({ where: "dataset check" })
  const { text } = await readSettingsText(source.config)
  const lineOf = looksLikeJson(text) ? () => undefined : parseToml(text, source.config).lineOf
  return ({ dataset, subset }) => {
    const path = `datasets[${dataset}].subsets[${subset}]`
    const line = lineOf(`${path}.image_dir`) ?? lineOf(path)
    const where = `${source.config}: ${path}`
    return line === undefined ? { where } : { where, line }
  }
}
