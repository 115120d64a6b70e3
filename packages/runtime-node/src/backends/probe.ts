import { selfCheck } from "@lllite/core"
import type { NodeBackend } from "./names.ts"
import type { ProbeResult } from "./probe-backend.ts"
import { PROBE_MARK } from "./probe-backend.ts"
import type { StartOptions } from "./start.ts"
import { startBackend } from "./start.ts"

/* A program, started by probeBackend: it tries one backend and prints what came of it. */

async function probe(backend: NodeBackend, options: StartOptions): Promise<ProbeResult> {
  const start = performance.now()
  try {
    const { ops, version, device } = await startBackend(backend, options)
    await selfCheck(ops)
    return { works: true, version, device, seconds: Math.round(performance.now() - start) / 1000 }
  } catch (error) {
    return { works: false, problem: error instanceof Error ? error.message : String(error) }
  }
}

const { backend, options } = JSON.parse(process.argv[2] ?? "") as {
  readonly backend: NodeBackend
  readonly options: StartOptions
}
// Not awaited at the top: there is a CommonJS build, too. `probe` never rejects.
void probe(backend, options).then((result) => process.stdout.write(`${PROBE_MARK}${JSON.stringify(result)}\n`))
