import type { MemoryPlan, MemoryTask, StopOptions } from "@lllite/core/memory"
import { chooseVaeParts, planMemory } from "@lllite/core/memory"
import { inferVaeConfig, partsOf, type SdxlFiles } from "@lllite/core/models"
import { checkArgument } from "@lllite/core/names"
import { registerGradients } from "@lllite/core/ops"
import { footprintOf, type ModelPlace } from "../footprint.ts"
import { type VaePlace, vaeRoom } from "../vae-room.ts"

/** Where a task is to run. */
export interface TaskPlace extends ModelPlace, VaePlace {}

/**
 * Plans the memory of a task on a backend, with the VAE's slices or tiles that it would choose now. No backend is started. No
 * other code may compute with TensorFlow.js in this thread meanwhile.
 *
 * @param files whose headers are read
 * @throws CoreError for what loading and the task refuse
 */
export async function planTaskMemory(
  files: SdxlFiles,
  place: TaskPlace,
  task: MemoryTask,
  stop: StopOptions = {},
): Promise<MemoryPlan> {
  checkArgument("planTaskMemory: the place", place, "an object")
  checkArgument("planTaskMemory: the task", task, "an object")
  await registerGradients()
  const footprint = footprintOf(place)
  if (task.vaeSlices !== undefined || task.vaeTiles != null) return planMemory(files, task, footprint, stop)
  const parts = await chooseVaeParts(inferVaeConfig(partsOf(files).vae), task, vaeRoom(place, task), footprint)
  return planMemory(files, { ...task, ...parts }, footprint, stop)
}
