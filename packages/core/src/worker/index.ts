export { loadWatched } from "./loading.ts"
export type { AdditionKind, RunningBackend, WorkerPlace } from "./place.ts"
export { createRuntimeTasks } from "./tasks.ts"
