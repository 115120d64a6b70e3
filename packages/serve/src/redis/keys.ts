/* Names in Redis. All begin with the same prefix, so that others can use the same Redis. */

/** What BullMQ puts before its own names. */
export const PREFIX = "lllite"

/** The queues: pictures need models, and commands need the data folder. */
export const TASK_QUEUES = ["pictures", "commands"] as const
export type TaskQueue = (typeof TASK_QUEUES)[number]

/** A picture that jobs of a server read. */
export function inputKey(server: string, sha256: string): string {
  return `${PREFIX}:input:${server}:${sha256}`
}

/** A file that a job made, until its server has it. */
export function resultKey(task: string, sha256: string): string {
  return `${PREFIX}:result:${task}:${sha256}`
}

/** Is there when a job is to be cancelled. */
export function cancelKey(task: string): string {
  return `${PREFIX}:cancel:${task}`
}

/** The channel of a server's previews. */
export function previewChannel(server: string): string {
  return `${PREFIX}:previews:${server}`
}

/** The name of a job in Redis, which several servers may use. */
export function taskId(server: string, job: string): string {
  return `${server}.${job}`
}

/** The job of a server by its name in Redis. Null: it is another server's. */
export function jobOfTask(server: string, task: string): string | null {
  return task.startsWith(`${server}.`) ? task.slice(server.length + 1) : null
}

/** Seconds until Redis forgets what no server has taken. */
export const KEPT_SECONDS = 7 * 86_400
