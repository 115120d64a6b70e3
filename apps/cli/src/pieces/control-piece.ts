import { join } from "node:path"
import { preprocess } from "@lllite/core/image"
import { examineImage, type PictureTrait, writePng } from "@lllite/runtime-node"
import type { Piece, PieceTask } from "@lllite/serve"
import { marked } from "../dataset/make/marked-files.ts"
import { readKindText } from "../preprocess/kind.ts"
import { namedFault } from "./faults.ts"
import { CONTROL_PIECE } from "./names.ts"

/** A control picture to make. */
export interface ControlInput {
  /** The preprocessor, as `--prep` reads it. */
  readonly prep: string
  /** The text in the control that says what it was made of. */
  readonly mark: string
  /** The name of the picture, for errors. */
  readonly name: string
}

/** What is said of the picture. */
export interface ControlFacts {
  readonly traits: readonly PictureTrait[]
}

/** The piece of a control picture. It makes one file. @param picture the SHA-256 of the picture */
export function controlPiece(input: ControlInput, picture: string): Piece {
  return { kind: CONTROL_PIECE, input, contents: [picture], models: [] }
}

/** Makes a control picture. @throws InputError, CoreError */
export async function makeControl({ piece, inputs, folder }: Omit<PieceTask, "signal">) {
  const { prep, mark, name } = piece.input as ControlInput
  const path = inputs.get(piece.contents[0] ?? "") ?? ""
  const kind = readKindText(prep, "a piece")
  if (kind === null) throw new Error("a piece has no preprocessor")
  const { image, traits } = await examineImage(path).catch((error: unknown) => {
    throw namedFault(error, path, name)
  })
  const made = join(folder, "control.png")
  await writePng(made, preprocess(image, kind), marked(mark))
  return { paths: [made], facts: { traits } satisfies ControlFacts }
}
