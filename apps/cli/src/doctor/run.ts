import type { BackendReport, MachineReport, ModelFit } from "@lllite/runtime-node/machine"
import { examineMachine } from "@lllite/runtime-node/machine"

/** Looks at the machine, and gives its report as text or JSON. */
export async function runDoctor(isJson: boolean): Promise<string> {
  const report = await examineMachine()
  return isJson ? JSON.stringify(report, null, 2) : formatMachine(report)
}

/** A report in plain words. */
export function formatMachine(report: MachineReport): string {
  const { node, system, memory, backends, best, models, advice } = report
  const sections = [
    table([
      ["Node", `${node.version}${node.isSupported ? "" : ", too old"}, ${system.platform} ${system.arch}`],
      ["CPU", `${system.cpu}, ${count(system.cores, "core")}`],
      ...(system.nvidiaGpus.length > 0 ? [["GPU", system.nvidiaGpus.join(", ")] as const] : []),
      ["Memory", `${gibibytes(memory.totalBytes)}, of which ${gibibytes(memory.availableBytes)} can be had now`],
    ]),
    [
      "Backends (each was started, and computed a known value and a known gradient)",
      ...table(
        backends.map((backend) => [backend.name, describeBackend(backend)]),
        2,
      ),
      best === null
        ? "  None works: nothing can be trained or generated here."
        : `  Used unless --backend names another: ${best}.`,
    ],
  ]
  if (models.length > 0) {
    sections.push([
      "Models",
      ...table(
        models.map((fit) => [nameOf(fit, models), describeFit(fit)]),
        2,
      ),
    ])
  }
  if (advice.length > 0) {
    sections.push([
      "To get more, type",
      ...table(
        advice.map(({ type, brings }) => [type, brings]),
        2,
      ),
    ])
  }
  return sections.map((lines) => lines.join("\n")).join("\n\n")
}

function describeBackend({ name, found, works, version, device, seconds, source, problems }: BackendReport): string {
  const from =
    source === null || source === "bundled" ? "" : source === "setup" ? ", from lllite setup" : `, from ${source}`
  const note = name === "cpu" ? "; slow, for checking the others" : ""
  const aside = problems.length === 0 ? "" : ` ${problems.join(" ")}`
  if (works) return `works: ${version} on the ${device}${from}, ready after ${seconds} s${note}.${aside}`
  return found ? `does not work.${aside}` : "not installed."
}

/** A model on a backend; with its weights where it is there in two widths. */
function nameOf({ model, backend, weights }: ModelFit, all: readonly ModelFit[]): string {
  const isOnly = all.filter((other) => other.model === model && other.backend === backend).length === 1
  return `${model}${isOnly ? "" : ` in ${weights}`} on ${backend}`
}

function describeFit(fit: ModelFit): string {
  const { weights, weightBytes, side, roomBytes, fits } = fit
  const task = (name: "generate" | "train", what: string): string => {
    const verdict = fits[name] === null ? "" : fits[name] ? ", fits" : ", does not fit"
    return `${what} ${gibibytes(fit[name].bytes)}${verdict}`
  }
  const needs = `at ${side} px ${task("generate", "generating takes")}; ${task("train", "training")}`
  const room =
    roomBytes === null ? "How much the card has is not told to programs; compare." : `${gibibytes(roomBytes)} of room.`
  return `${needs} (weights in ${weights} ${gibibytes(weightBytes)}). ${room}${describeLimit(fit)}`
}

/** What is said where a device has memory, perhaps, but takes no tensor of such a size. */
function describeLimit({ generate, maxTensorBytes, side, fittingSide }: ModelFit): string {
  if (maxTensorBytes === null || generate.tensorBytes <= maxTensorBytes) return ""
  const figures = `a guided picture has a tensor of ${gibibytes(generate.tensorBytes)}, and this adapter binds ${gibibytes(maxTensorBytes)}`
  const wayOut = fittingSide === null ? "Take another adapter." : `Up to ${fittingSide} px it does.`
  return ` At ${side} px ${figures}. ${wayOut}`
}

/** Names and what is said of them, below each other. */
function table(rows: readonly (readonly [string, string])[], indent = 0): string[] {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, text]) => `${" ".repeat(indent)}${name.padEnd(width)}  ${text}`)
}

function gibibytes(bytes: number): string {
  const value = bytes / 2 ** 30
  return value < 0.1 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${value.toFixed(1)} GiB`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`
}
