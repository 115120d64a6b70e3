import { spawn } from "node:child_process"
import os from "node:os"
import { installedBackends, type NodeBackend } from "@lllite/runtime-node/machine"
import type { Settings } from "@lllite/runtime-node/options"
import { runtimeChoice } from "../model/runtime-options.ts"
import { print } from "../terminal/streams.ts"
import { readVersion } from "../version.ts"
import type { BackendFigures, BenchReport } from "./figures.ts"
import type { BENCH_OPTIONS } from "./options.ts"
import { benchText } from "./text.ts"

export interface BenchSettings extends Omit<Settings<typeof BENCH_OPTIONS>, "size" | "tiny"> {
  /** Sides of SDXL's pictures in pixels. Empty: the tiny model alone. */
  readonly sizes: readonly number[]
}

/** Backends in the order in which they are measured. Those that hold no SDXL come first, since they take seconds. */
const ORDER: readonly NodeBackend[] = ["wasm", "webgpu", "tensorflow"]

/** Seconds of the budget that a backend's start and a program's end take. */
const OVERHEAD = 2

/**
 * Measures one backend in this process, or all of them in processes of their own, so that the memory of each is known.
 * Prints the report.
 *
 * @throws the signal's reason when aborted
 */
export async function runBench(settings: BenchSettings, signal: AbortSignal): Promise<void> {
  const { backend, minutes, sizes, json } = settings
  const say = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`)
  }
  const ends = performance.now() + 60_000 * minutes
  const availableBytes = process.availableMemory()
  const backends: BackendFigures[] = []
  if (backend !== undefined) {
    const { measureBackend } = await import("./measure.ts")
    const choice = { ...runtimeChoice(settings), backend }
    const onTask = (text: string): void => say(`${backend}: ${text} …`)
    backends.push(await measureBackend({ choice, sizes, seconds: 60 * minutes, onTask }, signal))
  } else {
    const names = ORDER.filter((name) => installedBackends().includes(name))
    for (const [index, name] of names.entries()) {
      const left = (ends - performance.now()) / 1000
      const seconds = Math.max(1, left / (names.length - index) - OVERHEAD)
      say(`${name}: at most ${Math.ceil(seconds)} s …`)
      backends.push(await measureInProcess(name, settings, seconds, signal))
    }
  }
  const report: BenchReport = {
    ...{ version: readVersion(), node: process.versions.node, system: `${process.platform} ${process.arch}` },
    ...{ cpu: os.cpus()[0]?.model.trim() ?? "unknown", cores: os.availableParallelism() },
    ...{ totalBytes: os.totalmem(), availableBytes, backends },
  }
  print(json ? JSON.stringify(report, null, 2) : benchText(report))
}

/** Runs this command for one backend in a process of its own. A failure stands in the figures. */
async function measureInProcess(
  backend: NodeBackend,
  { precision, weights, sizes }: BenchSettings,
  seconds: number,
  signal: AbortSignal,
): Promise<BackendFigures> {
  signal.throwIfAborted()
  const isChangeable = {
    precision: backend === (precision === "F16" ? "webgpu" : "tensorflow"),
    weights: backend !== "wasm",
  }
  const options = {
    ...(precision !== undefined && isChangeable.precision ? { precision } : {}),
    ...(weights !== undefined && isChangeable.weights ? { weights } : {}),
  }
  const args = [
    ...[
      process.argv[1] ?? "",
      "bench",
      "--json",
      "--backend",
      backend,
      "--minutes",
      String(Math.max(0.1, seconds / 60)),
    ],
    ...(sizes.length === 0 ? ["--tiny"] : ["--size", ...sizes.map(String)]),
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
  ]
  const child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  const stop = (): void => void child.kill("SIGKILL")
  signal.addEventListener("abort", stop)
  process.once("exit", stop)
  try {
    const texts = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      texts.stdout += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      texts.stderr += text
    })
    const ending = await new Promise<string | null>((resolve) => {
      child.once("error", ({ message }) => resolve(message))
      child.once("close", (code, name) => resolve(code === 0 ? null : `It ended with ${name ?? `exit code ${code}`}.`))
    })
    signal.throwIfAborted()
    const [found] = ending === null ? (JSON.parse(texts.stdout) as BenchReport).backends : []
    if (found !== undefined) return found
    const said =
      texts.stderr
        .trim()
        .split("\n")
        .at(-1)
        ?.replace(/^lllite: /, "") ?? ""
    return {
      ...{ backend, version: null, device: null, models: [], problem: said === "" ? ending : said },
      ...{ precision: precision ?? "F32", weights: weights ?? "as in the file" },
    }
  } finally {
    signal.removeEventListener("abort", stop)
    process.removeListener("exit", stop)
  }
}
