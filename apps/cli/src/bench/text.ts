import type { BackendFigures, BenchReport, MemoryFigures, ModelFigures } from "./figures.ts"
import { PICTURE_STEPS, pictureSeconds } from "./figures.ts"

const HEADS = ["", "", "a step", `a picture of ${PICTURE_STEPS} steps`, "its memory", "a training step", "its memory"]

/** A report as text that people can send. */
export function benchText({ backends, ...machine }: BenchReport): string {
  const { version, node, system, cpu, cores, totalBytes, availableBytes } = machine
  return [
    `LLLite ${version}, Node ${node}, ${system}`,
    `${cpu}, ${cores} ${cores === 1 ? "core" : "cores"}, ${gibibytes(totalBytes)}, ${gibibytes(availableBytes)} of it available`,
    ...backends.flatMap((backend) => ["", ...backendLines(backend)]),
    "",
    "Pictures are guided, with an LLLite on every usual site. SDXL has its real size and made-up weights.",
    "Training steps have one pair and gradient checkpointing. Memory: measured, and planned in brackets.",
  ].join("\n")
}

function backendLines({ backend, version, device, precision, weights, models, problem }: BackendFigures): string[] {
  const what =
    version === null ? "did not start" : `${version} on the ${device}, products in ${precision}, weights ${weights}`
  const measured = models.filter(({ picture, training }) => picture !== null || training !== null)
  const rows = measured.map(cells)
  const problems = models.flatMap(({ model, side, problems }) =>
    problems.map((text) => `  ${model}, ${side} px. ${text}`),
  )
  return [
    `${backend}: ${what}`,
    ...(rows.length === 0 ? [] : table([HEADS, ...rows])),
    ...problems,
    ...(problem === null ? [] : [`  ${problem}`]),
  ]
}

function cells({ model, side, picture, training }: ModelFigures): readonly string[] {
  const whole = picture === null ? null : pictureSeconds(picture)
  return [
    ...[model, `${side} px`, seconds(picture?.step ?? null), seconds(whole), memory(picture)],
    ...[seconds(training?.step ?? null), memory(training)],
  ]
}

function seconds(value: number | null): string {
  if (value === null) return "-"
  if (value < 1) return `${value.toPrecision(2)} s`
  return value < 100 ? `${value.toPrecision(3)} s` : `${Math.round(value)} s`
}

function memory(figures: MemoryFigures | null): string {
  return figures === null ? "-" : `${gibibytes(figures.measuredBytes)} (${gibibytes(figures.plannedBytes)})`
}

function gibibytes(bytes: number): string {
  return bytes < 2 ** 30 / 10 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`
}

/** Rows with aligned columns, indented. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)))
  return rows.map(
    (row) =>
      `  ${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()}`,
  )
}
