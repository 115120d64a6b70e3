export { loadWatched } from "./loading.ts"
export type { RunningBackend, WorkerPlace } from "./place.ts"
export { createRuntimeTasks } from "./tasks.ts"
