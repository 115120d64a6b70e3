import { selfCheck } from "@lllite/core/ops"
import { modelNeeds } from "../machine/model-need.ts"
import type { NodeBackend } from "./names.ts"
import type { ProbeResult } from "./probe-backend.ts"
import { PROBE_MARK } from "./probe-backend.ts"
import { startBackend } from "./start.ts"
import type { StartOptions } from "./started-backend.ts"

/* A program that probeBackend starts. It tries one backend and prints the result. */

async function probe({ backend, options, needs }: Asked): Promise<ProbeResult> {
  const start = performance.now()
  try {
    const { ops, version, device, paths } = await startBackend(backend, options)
    await selfCheck(ops)
    const seconds = Math.round(performance.now() - start) / 1000
    const { maxTensorBytes } = ops
    const place = { backend, device, ...(maxTensorBytes === undefined ? {} : { maxTensorBytes }) }
    return {
      ...{ works: true, version, device, seconds, maxTensorBytes: maxTensorBytes ?? null },
      ...(paths === undefined ? {} : { paths }),
      needs: needs ? await modelNeeds(place) : [],
    }
  } catch (error) {
    return { works: false, problem: error instanceof Error ? error.message : String(error) }
  }
}

interface Asked {
  readonly backend: NodeBackend
  readonly options: StartOptions
  readonly needs: boolean
}

// The CommonJS build has no top-level await. `probe` never rejects.
void probe(JSON.parse(process.argv[2] ?? "") as Asked).then((result) =>
  process.stdout.write(`${PROBE_MARK}${JSON.stringify(result)}\n`),
)
