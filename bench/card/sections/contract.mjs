// Tests every kernel of the contract on this driver. Values are compared with float64, gradients with central
// differences. The tests run with WebGPU's defaults, and again with toggles that kernels can use.
import { createComposedOps } from "../../../packages/core/dist/ops.js"
import { checkOps } from "../../../packages/core/dist/testing.js"
import { createWebgpuOps } from "../../../packages/webgpu/dist/index.js"
import { FEATURES, TOGGLES } from "../gpu.mjs"

export async function run({ quick, createGpu, start, write }) {
  const tried = new Set()
  let failures = 0
  for (const toggles of [[], TOGGLES]) {
    const adapter = await createGpu(toggles).requestAdapter({ powerPreference: "high-performance" })
    const features = FEATURES.filter((feature) => adapter?.features.has(feature))
    if (tried.has(features.join())) continue
    tried.add(features.join())
    const webgpu = await start(toggles)
    const results = await checkOps(createWebgpuOps(createComposedOps()), quick ? { isWanted: firstOfEachVerb() } : {})
    webgpu.dispose()
    for (const [verb, list] of byVerb(results)) {
      const worst = list.reduce((a, b) => (share(b) > share(a) ? b : a))
      const failed = list.filter(({ ok }) => !ok)
      failures += failed.length
      write({ toggles, verb, checks: list.length, failed, worst })
    }
    write({ toggles, features, checks: results.length, failed: results.filter(({ ok }) => !ok).length })
  }
  if (failures > 0)
    throw new Error(`${failures} checks of the contract failed on this driver: see "failed" of each verb`)
}

function firstOfEachVerb() {
  const seen = new Set()
  return (name) => {
    const verb = verbOf(name)
    if (seen.has(verb)) return false
    seen.add(verb)
    return true
  }
}

/** An error as a share of its tolerance. A check without tolerance counts only if it fails. */
function share({ maxRelError, tolerance }) {
  return tolerance > 0 ? maxRelError / tolerance : maxRelError
}

/** Node 20 has no `Map.groupBy`. */
function byVerb(results) {
  const groups = new Map()
  for (const result of results) {
    const verb = verbOf(result.case)
    groups.set(verb, [...(groups.get(verb) ?? []), result])
  }
  return groups
}

function verbOf(name) {
  return name.split(":")[0]
}
