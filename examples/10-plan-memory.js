// Does it fit? The plan runs a task on a backend that knows shapes only: nothing is loaded.
//   node examples/10-plan-memory.js
import "@tensorflow/tfjs"
import { COMPOSED_FOOTPRINT, planMemory, sdxlOutline } from "@lllite/core/memory"

const gib = (/** @type {number} */ bytes) => `${(bytes / 2 ** 30).toFixed(2)} GiB`
const lllite = { condDim: 32, mlpDim: 64 }
/** @type {import("@lllite/core/memory").MemoryTask[]} */
const tasks = [
  { kind: "generate", width: 512, height: 512, lllite },
  { kind: "train", width: 512, height: 512, lllite },
]

const sdxl = await sdxlOutline("F16")
for (const task of tasks) {
  const { weightBytes, peakBytes, phases } = await planMemory(sdxl, task, COMPOSED_FOOTPRINT)
  console.log(`${task.kind} at ${task.width} px: ${gib(peakBytes)}, of which weights ${gib(weightBytes)}`)
  for (const phase of phases) console.log(`  ${phase.name}: ${gib(phase.peakBytes)}`)
}
