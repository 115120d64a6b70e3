import { listText } from "@lllite/core/names"
import { safeText } from "@lllite/format"
import type { Problem } from "@lllite/runtime-node/options"
import { describeProblems } from "@lllite/runtime-node/options"
import { countText, percentText, plural, table } from "../../terminal/text.ts"
import type { CheckReport, PlacedFinding } from "./report.ts"

/** Sizes of pictures that are listed. */
const SHOWN_SIZES = 4
/** Files of a finding, or groups of them, that are named. */
const SHOWN_FILES = 5
/** Subsets that are listed. */
const SHOWN_SUBSETS = 20

/** A report for people. */
export function describeReport(report: CheckReport): string {
  const { problems, warnings, notes, findings, canTrain, sheet } = report
  const of = (level: PlacedFinding["level"]): readonly PlacedFinding[] =>
    findings.filter((finding) => finding.level === level)
  const verdict = canTrain ? "It can be trained" : "It cannot be trained"
  const counts = [plural(problems, "problem"), plural(warnings, "warning"), plural(notes, "note")].join(", ")
  const parts = [
    facts(report),
    ...(report.subsets.length > 1 ? [subsetTable(report)] : []),
    ...(report.buckets.length > 0 ? [buckets(report)] : []),
    ...(problems > 0 ? [problemList(of("problem"))] : []),
    ...(warnings > 0 ? [list("Warnings", of("warning"))] : []),
    ...(notes > 0 ? [list("Notes", of("note"))] : []),
    ...(sheet === null ? [] : [`The sheet of pairs is "${safeText(sheet)}".`]),
    `${verdict}: ${counts}.`,
  ]
  return parts.join("\n\n")
}

function facts(report: CheckReport): string {
  const { source, pairs, examples, subsets, batchSize, buckets, stepsPerEpoch, sizes, captions } = report
  const batches = [...new Set([batchSize, ...buckets.map((bucket) => bucket.batchSize)])].sort((a, b) => b - a)
  const shown = sizes.slice(0, SHOWN_SIZES).map((size) => `${countText(size.pictures)} of ${size.width}x${size.height}`)
  const more = sizes.length - SHOWN_SIZES
  const cut = captions.cut.map(({ tokens, images }) => `${images.length} at ${tokens}`).join(", ")
  const written =
    captions.missing + captions.empty === 0
      ? "each pair has one"
      : `${captions.missing} missing, ${captions.empty} empty`
  const tokens =
    captions.count === 0
      ? []
      : [
          [
            "Tokens",
            `${captions.least} to ${captions.most} of a caption, ${captions.median} in the middle. Cut: ${cut}`,
          ],
          ["Longest caption", safeText(captions.longest ?? "")],
        ]
  return table([
    ["Data set", safeText(source)],
    ["Pairs", `${countText(pairs)} in ${plural(subsets.length, "folder")}, ${countText(examples)} with repeats`],
    ["Steps", `${countText(stepsPerEpoch)} in an epoch, at a batch size of ${listText(batches, "or")}`],
    [
      "Pictures",
      sizes.length === 0
        ? "none that can be read"
        : [...shown, ...(more > 0 ? [plural(more, "more size")] : [])].join(", "),
    ],
    ["Captions", written],
    ...tokens,
  ])
}

function subsetTable({ subsets }: CheckReport): string {
  const rows = subsets
    .slice(0, SHOWN_SUBSETS)
    .map(({ imageDir, controlDir, pairs, repeats }) => [
      countText(pairs),
      `x ${repeats}`,
      `${safeText(imageDir)} with ${safeText(controlDir)}`,
    ])
  const more = subsets.length - SHOWN_SUBSETS
  return table([["Pairs", "Repeats", "Folders"], ...rows, ...(more > 0 ? [["…", "", `${more} more`]] : [])])
}

function buckets({ buckets: rows }: CheckReport): string {
  return table([
    ["Trained at", "Pictures", "With repeats", "Enlarged", "Cut off"],
    ...rows.map((row) => [
      `${row.width}x${row.height}`,
      countText(row.pictures),
      countText(row.examples),
      row.upscaled === 0 ? "none" : `${countText(row.upscaled)}, up to ${row.mostUpscale.toFixed(2)} times`,
      row.mostCrop === 0 ? "nothing" : `${percentText(row.meanCrop)}, at most ${percentText(row.mostCrop)}`,
    ]),
  ])
}

function problemList(problems: readonly PlacedFinding[]): string {
  const text = describeProblems("Problems", problems.map(problemOf))
  return problems.length === 1 ? `Problems:\n  - ${text}` : text.replace(/^Problems: \d+ problems:/, "Problems:")
}

function problemOf({ where = "data set", line, text }: PlacedFinding): Problem {
  return { where, ...(line === undefined ? {} : { line }), text: safeText(text.replace(/\.$/, "")) }
}

function list(title: string, findings: readonly PlacedFinding[]): string {
  return [`${title}:`, ...findings.flatMap((finding) => [`  - ${safeText(finding.text)}`, ...filesOf(finding)])].join(
    "\n",
  )
}

/** Lines with the files of a finding that its sentence does not name. */
function filesOf({ files, groups }: PlacedFinding): readonly string[] {
  if (groups === undefined) return files.length < 2 ? [] : [`      also ${named(files.slice(1))}`]
  const more = groups.length - SHOWN_FILES
  return [
    ...groups.slice(0, SHOWN_FILES).map((group) => `      ${named(group)}`),
    ...(more > 0 ? [`      and ${more} more ${more === 1 ? "group" : "groups"}`] : []),
  ]
}

function named(files: readonly string[]): string {
  const names = files.slice(0, SHOWN_FILES).map((path) => `"${safeText(path)}"`)
  const more = files.length - SHOWN_FILES
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}
