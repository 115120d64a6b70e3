import type { MadePiece, PieceTask } from "@lllite/serve"
import { ServeError } from "@lllite/serve"
import { makeControl } from "./control-piece.ts"
import type { DrawPieceParts } from "./drawn-piece.ts"
import { drawPiece } from "./drawn-piece.ts"
import { encodePiece } from "./encoded-piece.ts"
import { fingerprintOf } from "./fingerprint.ts"
import { CONTROL_PIECE, DRAWN_PIECE, ENCODED_PIECE } from "./names.ts"

/** What a piece gets of its process. */
export interface PerformParts extends Omit<DrawPieceParts, "modelAt"> {
  /** The files of the piece's models on this machine, in their order. */
  readonly models: readonly string[]
}

/** Makes a piece. @throws the errors of its kind; ServeError `refused` for a model with other weights */
export async function performPiece(task: PieceTask, { models, ...parts }: PerformParts): Promise<MadePiece> {
  const { kind, models: named } = task.piece
  const paths = new Map<string, string>()
  for (const [i, { kind: of, name, fingerprint }] of named.entries()) {
    const path = models[i] ?? ""
    if ((await fingerprintOf(path)) !== fingerprint) {
      const text = `${JSON.stringify(name)} has other weights on this worker than where the piece was ordered. Give both the same file.`
      throw new ServeError("refused", text)
    }
    paths.set(`${of} ${name}`, path)
  }
  if (kind === CONTROL_PIECE) return makeControl(task)
  const withModels = { ...parts, modelAt: (of: string, name: string) => paths.get(`${of} ${name}`) ?? name }
  if (kind === DRAWN_PIECE) return drawPiece(task, withModels)
  if (kind === ENCODED_PIECE) return encodePiece(task, withModels)
  throw new ServeError("refused", `this worker does not know pieces of the kind ${JSON.stringify(kind)}.`)
}
