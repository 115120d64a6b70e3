import { describe, expect, it } from "vitest"
import { PIECE_VERSION, type Piece, pieceKey, readPiece, readPieceResult } from "./piece.ts"

const HASH = "a".repeat(64)
const PIECE: Piece = {
  kind: "control",
  input: { prep: "canny:", list: [{ b: 1, a: 2 }], left: undefined },
  contents: [HASH],
  models: [{ kind: "checkpoint", name: "x.safetensors", size: 3, fingerprint: "f" }],
}

describe("pieceKey", () => {
  it("is the same after a way through JSON, in whatever order fields are", () => {
    const { input, ...rest } = JSON.parse(JSON.stringify(PIECE))
    expect(pieceKey({ input: { list: [{ a: 2, b: 1 }], prep: input.prep }, ...rest })).toBe(pieceKey(PIECE))
  })

  it("differs if anything differs that the result follows from", () => {
    const others: readonly Piece[] = [
      { ...PIECE, kind: "other" },
      { ...PIECE, input: { prep: "canny:low=1" } },
      { ...PIECE, contents: ["b".repeat(64)] },
      { ...PIECE, models: PIECE.models.map((model) => ({ ...model, fingerprint: "g" })) },
    ]
    expect(new Set([PIECE, ...others].map(pieceKey)).size).toBe(5)
  })
})

describe("readPiece", () => {
  it("reads what was written, and nothing that has another name", () => {
    const data = JSON.parse(JSON.stringify({ version: PIECE_VERSION, ...PIECE }))
    expect(readPiece(data, pieceKey(PIECE))).toMatchObject({ kind: "control", contents: [HASH] })
    expect(readPiece({ ...data, input: { prep: "blur" } }, pieceKey(PIECE))).toBeNull()
    expect(readPiece({ ...data, version: 0 }, pieceKey(PIECE))).toBeNull()
    expect(readPiece({ ...data, contents: ["../../etc/passwd"] }, pieceKey(PIECE))).toBeNull()
    expect([null, 3, [], { version: PIECE_VERSION }].map((value) => readPiece(value, HASH))).toEqual(
      Array(4).fill(null),
    )
  })
})

describe("readPieceResult", () => {
  it("reads results alone", () => {
    const result = { files: [{ sha256: HASH, size: 4 }], facts: { traits: [] } }
    expect(readPieceResult(JSON.stringify(result))).toEqual(result)
    for (const text of ["", "{", "null", "[]", '{"files":[{"sha256":"x","size":1}]}']) {
      expect(readPieceResult(text)).toBeNull()
    }
  })
})
