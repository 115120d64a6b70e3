import { cpus, totalmem } from "node:os"
import type { NodeBackend } from "../backends/names.ts"
import { NODE_BACKENDS, UNASKED_BACKENDS } from "../backends/names.ts"
import type { ProbeResult } from "../backends/probe-backend.ts"
import { probeBackend } from "../backends/probe-backend.ts"
import { lastLines, runCommand } from "../processes/run-command.ts"
import type { TensorflowSearch } from "../tensorflow/installation.ts"
import { findTensorflow, packageFolder } from "../tensorflow/installation.ts"
import type { ModelFit, NeedsOfBackend } from "./model-fit.ts"
import { modelFits } from "./model-fit.ts"
import type { ModelNeed } from "./model-need.ts"

/** What this machine can do. */
export interface MachineReport {
  readonly node: { readonly version: string; readonly isSupported: boolean }
  readonly system: {
    readonly platform: string
    readonly arch: string
    readonly cpu: string
    readonly cores: number
    /** Names of NVIDIA's cards, as its driver gives them. */
    readonly nvidiaGpus: readonly string[]
  }
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number }
  readonly backends: readonly BackendReport[]
  /** The backend that is used by default. Null when none works. */
  readonly best: NodeBackend | null
  readonly models: readonly ModelFit[]
  /** Commands that improve this machine, each with its effect. */
  readonly advice: readonly Advice[]
}

export interface BackendReport {
  readonly name: NodeBackend
  readonly found: boolean
  /** Whether it was started and computed a known value and a known gradient. */
  readonly works: boolean
  readonly version: string | null
  readonly device: "CPU" | "GPU" | null
  /** Seconds to start and compute. Null when it does not work. */
  readonly seconds: number | null
  /** Bytes of the largest tensor that it takes. Null if it does not say. */
  readonly maxTensorBytes: number | null
  /** Which kernels run on the device and why, one sentence each. Default: there is nothing to say. */
  readonly paths?: readonly string[]
  /** The package or setup that it comes from. Null when it is not installed. */
  readonly source: string | null
  /** What is wrong, one sentence for each problem. */
  readonly problems: readonly string[]
}

export interface Advice {
  readonly type: string
  readonly brings: string
}

/** What the doctor examines. Each option replaces what the machine has. */
export interface DoctorOptions {
  readonly probe?: (backend: NodeBackend) => Promise<ProbeResult>
  readonly tensorflow?: TensorflowSearch
  readonly nodeVersion?: string
  readonly nvidiaGpus?: readonly string[]
  /** Whether the npm package `webgpu` is installed. */
  readonly hasWebgpu?: boolean
  readonly memory?: MachineReport["memory"]
  /** Ends the examination, with the programs that it runs. */
  readonly signal?: AbortSignal | undefined
}

const LEAST_NODE = [20, 19] as const

/**
 * Examines the machine. Every backend is tried in a separate process, one after another, so the report holds only what
 * was seen. Faults of the machine stand in the report. They do not make the promise reject.
 *
 * @throws the signal's reason when aborted
 */
export async function examineMachine(options: DoctorOptions = {}): Promise<MachineReport> {
  const { signal } = options
  const {
    probe = (backend) => probeBackend(backend, { needs: backend !== "cpu", signal }),
    tensorflow = findTensorflow(),
    nodeVersion = process.versions.node,
    nvidiaGpus = await listNvidiaGpus(signal),
    hasWebgpu = packageFolder("webgpu") !== null,
    memory = { totalBytes: totalMemory(), availableBytes: process.availableMemory() },
  } = options
  const backends: BackendReport[] = []
  const needs: NeedsOfBackend[] = []
  for (const name of NODE_BACKENDS) {
    const isFound = name === "tensorflow" ? tensorflow.found !== null : name !== "webgpu" || hasWebgpu
    const examined = await examineBackend(name, isFound, tensorflow, probe)
    signal?.throwIfAborted()
    backends.push(examined.report)
    needs.push({ ...examined.report, needs: examined.needs })
  }
  const isSupported = isAtLeast(nodeVersion, LEAST_NODE)
  const list = cpus()
  return {
    node: { version: nodeVersion, isSupported },
    system: {
      platform: process.platform,
      arch: process.arch,
      cpu: list[0]?.model.trim() ?? "unknown",
      cores: list.length,
      nvidiaGpus,
    },
    memory,
    backends,
    best: UNASKED_BACKENDS.find((name) => backends.some((backend) => backend.name === name && backend.works)) ?? null,
    models: modelFits(needs, memory.availableBytes),
    advice: adviceFor(backends, isSupported, nvidiaGpus),
  }
}

interface Examined {
  readonly report: BackendReport
  readonly needs: readonly ModelNeed[]
}

async function examineBackend(
  name: NodeBackend,
  isFound: boolean,
  { found, unusable }: TensorflowSearch,
  probe: (backend: NodeBackend) => Promise<ProbeResult>,
): Promise<Examined> {
  const isTensorflow = name === "tensorflow"
  const tensorflowSource = found?.source ?? unusable[0]?.source ?? null
  const source = isTensorflow ? tensorflowSource : name === "webgpu" ? "webgpu" : "bundled"
  const problems = isTensorflow ? unusable.map(({ source, problem }) => `${source}: ${problem}`) : []
  const nothing = { version: null, device: null, seconds: null, maxTensorBytes: null }
  const failed = (found: boolean, problems: readonly string[]): Examined => ({
    report: { name, found, works: false, ...nothing, source, problems },
    needs: [],
  })
  if (!isFound) return failed(isTensorflow && unusable.length > 0, problems)
  const result = await probe(name)
  if (!result.works) return failed(true, [...problems, result.problem])
  const { needs, ...what } = result
  return { report: { name, found: true, ...what, source, problems }, needs }
}

function adviceFor(
  backends: readonly BackendReport[],
  isSupported: boolean,
  nvidiaGpus: readonly string[],
): readonly Advice[] {
  const advice: Advice[] = []
  if (!isSupported) {
    advice.push({ type: "nvm install 24", brings: `a supported Node: ${LEAST_NODE.join(".")} or newer` })
  }
  const tensorflow = backends.find(({ name }) => name === "tensorflow")
  if (tensorflow?.works !== true) {
    advice.push({ type: "lllite setup tensorflow", brings: "TensorFlow on the CPU, which has room for SDXL" })
  }
  if (nvidiaGpus.length > 0 && tensorflow?.device !== "GPU") {
    advice.push({ type: "lllite setup tensorflow --gpu", brings: `TensorFlow on ${nvidiaGpus[0]}` })
  }
  return advice
}

/** The cards that NVIDIA's driver lists. Empty without a driver. */
async function listNvidiaGpus(signal: AbortSignal | undefined): Promise<readonly string[]> {
  const query = ["--query-gpu=name", "--format=csv,noheader"]
  const result = await runCommand("nvidia-smi", query, { timeout: 20_000, signal })
  return result.code === 0 ? lastLines(result, 64).split("\n").filter(Boolean) : []
}

/** The memory of the machine, or the limit of its container if that is smaller. */
function totalMemory(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number)
  return a > major || (a === major && b >= minor)
}
