import fc from "fast-check"
import { expect, it } from "vitest"
import { fuzzRuns } from "../../test/fuzz-runs.ts"
import { HOSTILE_FILES, HOSTILE_PAIRS } from "../../test/hostile-corpus.ts"
import { describeWithPython, runPython } from "../../test/python.ts"
import { FormatError } from "../errors.ts"
import { serializeSafetensors } from "../write/safetensors.ts"
import { openSafetensors } from "./read.ts"

/*
 * Verdicts compared with the Python package's, on whole files. Where upstream takes a file and we refuse it, one of our
 * stricter rules must be the reason. A file that upstream refuses is never taken.
 */

/** What upstream says: the tensors with their bytes in hexadecimal, or that it refused. */
type Verdict = Readonly<Record<string, string>> | null

const UPSTREAM = `
import base64, json, sys
from safetensors import deserialize
verdicts = []
for text in json.load(sys.stdin):
    try:
        verdicts.append({name: bytes(info["data"]).hex() for name, info in deserialize(base64.b64decode(text))})
    except Exception:
        verdicts.append(None)
print(json.dumps(verdicts))
`

/** Codes of what we refuse and upstream takes: it keeps the last of duplicates and skips unknown fields. */
const STRICTER = new Set(["header-duplicate", "tensor-entry", "header-number", "shape", "header-limit"])

async function verdict(file: Uint8Array): Promise<{ verdict: Verdict; code: string | null }> {
  try {
    const opened = await openSafetensors(file)
    const tensors: Record<string, string> = {}
    for (const name of opened.tensors.keys()) {
      const value = Buffer.from(await opened.read(name)).toString("hex")
      Object.defineProperty(tensors, name, { value, enumerable: true })
    }
    return { verdict: tensors, code: null }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    return { verdict: null, code: error.code }
  }
}

async function compare(files: readonly Uint8Array[]): Promise<void> {
  const theirs = runPython<Verdict[]>(
    UPSTREAM,
    files.map((file) => Buffer.from(file).toString("base64")),
  )
  for (const [i, file] of files.entries()) {
    const ours = await verdict(file)
    const text = Buffer.from(file).toString("latin1")
    if (ours.code !== null && theirs[i] !== null) expect(STRICTER, text).toContain(ours.code)
    else expect(new Map(Object.entries(ours.verdict ?? {})), text).toEqual(new Map(Object.entries(theirs[i] ?? {})))
    if (theirs[i] === null) expect(ours.verdict, text).toBeNull()
  }
}

/** A good file with this as a name and as metadata. */
const goodFile = (text: string): Uint8Array =>
  serializeSafetensors(
    new Map([
      ["half", { dtype: "F16", shape: [2, 1], bytes: Uint8Array.of(1, 2, 3, 4) }],
      [text, { dtype: "U8", shape: [], bytes: Uint8Array.of(7) }],
      ["none", { dtype: "F32", shape: [0, 3], bytes: new Uint8Array(0) }],
    ]),
    new Map([["k", text]]),
  )

describeWithPython("verdicts of the Python package", ["safetensors"], () => {
  it("agree on every hostile file", async () => {
    await compare([...HOSTILE_FILES, ...HOSTILE_PAIRS].map(({ bytes }) => bytes))
  })

  it.each(["a β\n\u00e9", "a b"])("agree on files of which bytes have changed (%j)", async (text) => {
    const good = goodFile(text)
    const change = fc.record({ at: fc.nat(good.byteLength - 1), byte: fc.nat(255) })
    const runs = fuzzRuns(2000)
    const mutations = fc.sample(fc.array(change, { minLength: 1, maxLength: 3 }), { numRuns: runs, seed: 1 })
    for (let start = 0; start < runs; start += 5000) {
      await compare(
        mutations.slice(start, start + 5000).map((changes) => {
          const file = good.slice()
          for (const { at, byte } of changes) file[at] = byte
          return file
        }),
      )
    }
  })
})
