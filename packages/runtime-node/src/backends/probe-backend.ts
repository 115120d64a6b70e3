import { fileURLToPath } from "node:url"
import type { ModelNeed } from "../machine/model-need.ts"
import { lastLines, runCommand } from "../processes/run-command.ts"
import type { NodeBackend } from "./names.ts"
import type { StartOptions } from "./started-backend.ts"

/** What came of starting a backend and computing something with it. */
export type ProbeResult =
  | {
      readonly works: true
      readonly version: string
      readonly device: "CPU" | "GPU"
      readonly seconds: number
      /** Bytes of the largest tensor that the device takes; null where it does not say. */
      readonly maxTensorBytes: number | null
      /** What models take there; none unless asked for. */
      readonly needs: readonly ModelNeed[]
    }
  | { readonly works: false; readonly problem: string }

/** Marks the line of a probe's output that is its result: libraries write to the same streams. */
export const PROBE_MARK = "lllite-probe:"

/** A backend that takes longer than this to start and add a few numbers does not work. */
const TIMEOUT = 120_000

/**
 * Starts a backend in a process of its own, computes a value and a gradient with it, and compares them with known
 * ones; then, if asked to, plans what models need there. A library that takes its process down, as one for another CPU does, is reported like any other failure.
 */
export async function probeBackend(
  backend: NodeBackend,
  { needs = false, ...options }: StartOptions & { readonly needs?: boolean } = {},
): Promise<ProbeResult> {
  // Beside this file, as a source or built.
  const file = new URL(import.meta.url.endsWith(".ts") ? "./probe.ts" : "./probe.js", import.meta.url)
  const result = await runCommand(
    process.execPath,
    [fileURLToPath(file), JSON.stringify({ backend, options, needs })],
    {
      timeout: TIMEOUT,
    },
  )
  const line = result.stdout.split("\n").find((text) => text.startsWith(PROBE_MARK))
  if (line !== undefined) return JSON.parse(line.slice(PROBE_MARK.length)) as ProbeResult
  if (result.signal === "SIGILL") {
    return { works: false, problem: "its library uses instructions that this CPU does not have" }
  }
  if (result.signal === "SIGKILL") {
    return { works: false, problem: `it was ended: it took over ${TIMEOUT / 1000} s, or the system was out of memory` }
  }
  const end = result.signal === null ? `exit code ${result.code}` : `signal ${result.signal}`
  // An uncaught error's own line stands above its stack.
  const lines = lastLines(result, 40).split("\n")
  const said = lines.find((text) => /^\w*Error\b/.test(text)) ?? lines.at(-1) ?? ""
  return { works: false, problem: `its process ended with ${end}${said === "" ? "" : `: ${said}`}` }
}
