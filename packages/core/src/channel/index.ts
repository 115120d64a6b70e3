export { type Client, createClient, type OpenOptions } from "./client.ts"
export type { Port, TaskType } from "./messages.ts"
export { type ErrorClasses, packError, type SentError, unpackError } from "./sent-error.ts"
export { createServer, type Server, type ServerOptions, type TaskContext, type TaskTable } from "./server.ts"
