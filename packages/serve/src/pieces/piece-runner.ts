import type { Piece } from "./piece.ts"

/** A piece as its runner sees it. */
export interface PieceTask {
  readonly piece: Piece
  /** Where the piece's contents are, by their SHA-256. */
  readonly inputs: ReadonlyMap<string, string>
  /** An empty folder for what is made. */
  readonly folder: string
  readonly signal: AbortSignal
}

/** What a runner has made: files in its folder, in an order that follows from the piece. */
export interface MadePiece {
  readonly paths: readonly string[]
  /** What is to be said beside them, as JSON. */
  readonly facts: unknown
}

/** What does the work of pieces, in a process of its own. */
export interface PieceRunner {
  /**
   * @throws LlliteError when the piece cannot be made; ServeError `worker-lost` when its process ended, which is tried
   * again; the signal's reason
   */
  make(task: PieceTask): Promise<MadePiece>
  /** Ends its process. */
  dispose(): Promise<void>
}
