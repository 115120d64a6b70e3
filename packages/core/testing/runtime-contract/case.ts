import type { Runtime, SdxlHandle, TrainRunOptions } from "../../src/runtime/contract.ts"
import type { SavedRun } from "../../src/training/saved-run.ts"

/** A runtime under test, with its files. */
export interface RuntimeSubject<Source> {
  /** Creates a runtime on a backend whose results repeat bit for bit. */
  create(): Promise<Runtime<Source>>
  /** A small SDXL. */
  readonly checkpoint: Source
  /** Another small SDXL of the same layout, with other weights in its VAE. */
  readonly otherVae: Source
  /** An LLLite for both models. */
  readonly lllite: Source
  /** A file that is not a checkpoint. */
  readonly otherKind: Source
  /** A file with these bytes. */
  file(bytes: Uint8Array): Source | Promise<Source>
  /** Writes a run as the runtime does, and reads it again. */
  keepRun(runtime: Runtime<Source>, run: SavedRun, sdxl: SdxlHandle): Promise<SavedRun>
  /** The sites of a training. */
  sites(sdxl: SdxlHandle): TrainRunOptions["sites"]
  /** The classes of errors on the client's side. */
  readonly classes: { readonly CoreError: ErrorClass; readonly FormatError: ErrorClass }
}

type ErrorClass = abstract new (...values: never) => Error

/** One check of the contract. */
export interface RuntimeCase {
  readonly name: string
  run<Source>(subject: RuntimeSubject<Source>): Promise<void>
}

/** What a case with a model works on. */
export interface CaseContext<Source> {
  readonly subject: RuntimeSubject<Source>
  readonly runtime: Runtime<Source>
  readonly sdxl: SdxlHandle
  readonly expect: Expect
}

/** Throws with `otherwise` if it is not true. */
export type Expect = (isTrue: boolean, otherwise: string) => void

/** A case with a runtime and a model, which are disposed after it. */
export function loaded(name: string, check: <Source>(context: CaseContext<Source>) => Promise<void>): RuntimeCase {
  return {
    name,
    async run(subject) {
      const runtime = await subject.create()
      try {
        const sdxl = await runtime.loadSdxl(subject.checkpoint)
        await check({ subject, runtime, sdxl, expect: assertion(name) })
      } finally {
        await runtime.dispose()
      }
    },
  }
}

/** Fails with the name of a case. */
export function assertion(name: string): Expect {
  return (isTrue, otherwise) => {
    if (!isTrue) throw new Error(`runtime contract, "${name}": ${otherwise}`)
  }
}

/** Expects a CoreError with a message. */
export async function refused<Source>(
  expect: Expect,
  { classes }: RuntimeSubject<Source>,
  work: () => Promise<unknown>,
  message: RegExp,
): Promise<void> {
  const error = await work().then(
    () => "nothing was thrown",
    (error: unknown) => error,
  )
  expect(error instanceof classes.CoreError && message.test(error.message), `expected ${message}, got ${error}`)
}

/** The code of an error, or undefined. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}

/** Whether two plain objects have the same fields. */
export function equal(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
