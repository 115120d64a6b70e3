import type { MemoryPhase, Speed } from "@lllite/core/memory"
import { measureSpeed, planMemory } from "@lllite/core/memory"
import type { WeightFile } from "@lllite/core/models"
import { inferVaeConfig, vaeOf } from "@lllite/core/models"
import type { SentHeader, TrainNeed, TrainNeedTask } from "../types.ts"
import type { WebRunningBackend } from "./backend.ts"
import { footprintOf, vaePartsOf } from "./memory.ts"

/** The speed of a backend, which is measured once. */
const speeds = new WeakMap<WebRunningBackend, Promise<Speed>>()

/** A checkpoint without its values, in a form that can be sent. */
export function headerOf({ label, entries, metadata }: WeightFile): SentHeader {
  return {
    label,
    entries: new Map([...entries].map(([name, { dtype, shape }]) => [name, { dtype, shape }])),
    metadata: new Map(metadata),
  }
}

/**
 * Plans a training on this backend. The first plan measures the backend's speed, which takes about a second. The rest
 * computes shapes only, without a pause, so no other work can run in between.
 */
export async function planTrainOn(
  running: WebRunningBackend,
  header: SentHeader,
  { rows, ...task }: TrainNeedTask,
): Promise<TrainNeed> {
  const measuring = speeds.get(running) ?? measureSpeed(running.ops)
  speeds.set(running, measuring)
  const speed = await measuring
  const file = fileOf(header)
  const parts = await vaePartsOf(running, inferVaeConfig(vaeOf(file)), task)
  const { phases, weightBytes } = await planMemory(
    file,
    { vaeSlices: parts.vaeSlices, ...task, kind: "train", batchSize: rows },
    footprintOf(running),
  )
  const secondsOf = (name: MemoryPhase["name"]): number =>
    speed.seconds(phases.find((phase) => phase.name === name)?.work ?? new Map())
  return {
    weightBytes,
    phases: phases.map(({ name, peakBytes }) => ({ name, bytes: peakBytes })),
    seconds: { pair: secondsOf("text") + secondsOf("VAE"), step: secondsOf("training step") },
  }
}

function fileOf({ label, entries, metadata }: SentHeader): WeightFile {
  const read = async (): Promise<never> => {
    throw new Error(`a plan read a tensor of "${label}". It needs only their shapes.`)
  }
  return { label, metadata, entries: new Map([...entries].map(([name, entry]) => [name, { name, ...entry, read }])) }
}
