import type { ModelNeed } from "../machine/model-need.ts"
import { programFile } from "../own-files.ts"
import { lastLines, runCommand } from "../processes/run-command.ts"
import type { NodeBackend } from "./names.ts"
import type { StartOptions } from "./started-backend.ts"

/** The result of starting a backend and computing with it. */
export type ProbeResult =
  | {
      readonly works: true
      readonly version: string
      readonly device: "CPU" | "GPU"
      readonly seconds: number
      /** Bytes of the largest tensor that the device takes. Null if the device does not say. */
      readonly maxTensorBytes: number | null
      /** Which kernels run on the device and why, one sentence each. Default: there is nothing to say. */
      readonly paths?: readonly string[]
      /** Memory that models need there. Default: none. */
      readonly needs: readonly ModelNeed[]
    }
  | { readonly works: false; readonly problem: string }

export interface ProbeOptions extends StartOptions {
  /** Whether to plan how much memory models need. Default: false */
  readonly needs?: boolean
  /** Ends the process. The result then says that it was killed. */
  readonly signal?: AbortSignal | undefined
}

/** Marks the result's line in a probe's output. Libraries write to the same streams. */
export const PROBE_MARK = "lllite-probe:"

/** A backend that needs longer than this to start and add a few numbers counts as broken. In milliseconds. */
const TIMEOUT = 120_000

/**
 * Starts a backend in a separate process. The process computes a value and a gradient, and compares them with known
 * ones. With `needs` it also plans how much memory models need there. A library that ends its process, such as one
 * for another CPU, is reported like any other failure.
 */
export async function probeBackend(
  backend: NodeBackend,
  { needs = false, signal, ...options }: ProbeOptions = {},
): Promise<ProbeResult> {
  const result = await runCommand(
    process.execPath,
    [programFile("probe", import.meta.url), JSON.stringify({ backend, options, needs })],
    { timeout: TIMEOUT, signal },
  )
  const line = result.stdout.split("\n").find((text) => text.startsWith(PROBE_MARK))
  if (line !== undefined) return JSON.parse(line.slice(PROBE_MARK.length)) as ProbeResult
  if (result.signal === "SIGILL") {
    return { works: false, problem: "its library uses instructions that this CPU does not have" }
  }
  if (result.signal === "SIGKILL") {
    return {
      works: false,
      problem: `its process was killed: it took over ${TIMEOUT / 1000} s, or the system was out of memory`,
    }
  }
  const end = result.signal === null ? `exit code ${result.code}` : `signal ${result.signal}`
  // The message of an uncaught error stands above its stack.
  const lines = lastLines(result, 40).split("\n")
  const said = lines.find((text) => /^\w*Error\b/.test(text)) ?? lines.at(-1) ?? ""
  return { works: false, problem: `its process ended with ${end}${said === "" ? "" : `: ${said}`}` }
}
