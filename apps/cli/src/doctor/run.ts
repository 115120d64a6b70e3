import type { BackendReport, MachineReport, ModelFit } from "@lllite/runtime-node/machine"
import { examineMachine } from "@lllite/runtime-node/machine"

/** Examines the machine. Returns the report as text or JSON. @throws the signal's reason when aborted */
export async function runDoctor(isJson: boolean, signal: AbortSignal): Promise<string> {
  const report = await examineMachine({ signal })
  return isJson ? JSON.stringify(report, null, 2) : formatMachine(report)
}

/** A report as text. */
export function formatMachine(report: MachineReport): string {
  const { node, system, memory, backends, best, models, advice } = report
  const sections = [
    table([
      ["Node", `${node.version}${node.isSupported ? "" : ", too old"}, ${system.platform} ${system.arch}`],
      ["CPU", `${system.cpu}, ${count(system.cores, "core")}`],
      ...(system.nvidiaGpus.length > 0 ? [["GPU", system.nvidiaGpus.join(", ")] as const] : []),
      ["Memory", `${gibibytes(memory.totalBytes)}, ${gibibytes(memory.availableBytes)} of it available now`],
    ]),
    [
      "Backends (each was started and tested with a known value and a known gradient)",
      ...table(
        backends.map((backend) => [backend.name, describeBackend(backend)]),
        2,
      ),
      best === null
        ? "  No backend works. Training and generating need one."
        : `  Default: ${best}. --backend selects another.`,
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
      "Commands that add more",
      ...table(
        advice.map(({ type, brings }) => [type, brings]),
        2,
      ),
    ])
  }
  return sections.map((lines) => lines.join("\n")).join("\n\n")
}

function describeBackend(report: BackendReport): string {
  const { name, found, works, version, device, seconds, source, problems, paths = [] } = report
  const from =
    source === null || source === "bundled" ? "" : source === "setup" ? ", from lllite setup" : `, from ${source}`
  const note = name === "cpu" ? ", slow, only for checks of the others" : ""
  const aside = [...paths, ...problems].map((sentence) => ` ${sentence}`).join("")
  if (works) return `works: ${version} on the ${device}${from}, ready after ${seconds} s${note}.${aside}`
  return found ? `does not work.${aside}` : "not installed."
}

/** A model on a backend. If the report has it with two dtypes of weights, the name has the dtype. */
function nameOf({ model, backend, weights }: ModelFit, all: readonly ModelFit[]): string {
  const isOnly = all.filter((other) => other.model === model && other.backend === backend).length === 1
  return `${model}${isOnly ? "" : ` in ${weights}`} on ${backend}`
}

function describeFit(fit: ModelFit): string {
  const { weights, weightBytes, side, roomBytes, fits } = fit
  const task = (name: "generate" | "train"): string => {
    const verdict = fits[name] === null ? "" : fits[name] ? " (fits)" : " (does not fit)"
    return `${gibibytes(fit[name].bytes)}${verdict}`
  }
  const needs = `at ${side} px: generating takes ${task("generate")}, training takes ${task("train")}`
  const room =
    roomBytes === null
      ? "WebGPU does not report the memory of the card. Compare it with these figures."
      : `${gibibytes(roomBytes)} available.`
  return `${needs}. The weights in ${weights} take ${gibibytes(weightBytes)} of it. ${room}${describeLimit(fit)}`
}

/** The text about a device whose largest tensor is too small for the task. */
function describeLimit({ generate, maxTensorBytes, side, fittingSide }: ModelFit): string {
  if (maxTensorBytes === null || generate.tensorBytes <= maxTensorBytes) return ""
  const needed = `A guided picture at ${side} px has a tensor of ${gibibytes(generate.tensorBytes)}.`
  const limit = `The largest tensor on this adapter is ${gibibytes(maxTensorBytes)}.`
  const advice = fittingSide === null ? "Use another adapter." : `Use another adapter, or at most ${fittingSide} px.`
  return ` ${needed} ${limit} ${advice}`
}

/** Names with their texts, one a line. */
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
