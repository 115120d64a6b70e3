/**
 * The server of `lllite serve`: a queue of jobs that is kept on disk, and the APIs of LLLite, ComfyUI and
 * stable-diffusion-webui on it. What does the work is an argument.
 *
 * @module
 * @experimental
 */
export { type ErrorText, errorText, ServeError, type ServeErrorCode } from "./errors.ts"
export { findModel, type Library, type Model, type ModelKind } from "./files/library.ts"
export type { CommandInput, CommandKind, GenerateInput, JobKind, JobProgress } from "./jobs/job.ts"
export type { JobReport, MadeFile, Runner, Task } from "./jobs/runner.ts"
export { DEFAULT_LIMITS, type Limits } from "./limits.ts"
export type { PieceEnd, PieceOrder, PiecesEvent } from "./pieces/make-pieces.ts"
export { openPieces, type Pieces, type PiecesOptions } from "./pieces/open-pieces.ts"
export type { ParkedPiece, ParkedPieces } from "./pieces/parked.ts"
export type { Piece, PieceModel, PieceResult } from "./pieces/piece.ts"
export type { MadePiece, PieceRunner, PieceTask } from "./pieces/piece-runner.ts"
export type { StorePlace } from "./pieces/store/store.ts"
export type { TaskQueue } from "./redis/keys.ts"
export type { RedisPlace } from "./redis/place.ts"
export { startWorker } from "./redis/start-worker.ts"
export type { JobWorker, PieceWork, WorkerOptions } from "./redis/worker.ts"
export type { WorkerEvent } from "./redis/worker-events.ts"
export { type Server, type ServerOptions, startServer } from "./server.ts"
