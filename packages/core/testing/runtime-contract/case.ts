import type { Runtime, SdxlHandle, TrainRunOptions } from "../../src/runtime/contract.ts"
import type { SavedRun } from "../../src/training/saved-run.ts"

/** A runtime under test, with its files. */
export interface RuntimeSubject<Source> {
  /** Creates a runtime on a backend whose results repeat bit for bit. The caller disposes it after the last case. */
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

/** A runtime with its model. */
type Loaded<Source> = Pick<CaseContext<Source>, "runtime" | "sdxl">

/** What the cases of a subject share. */
const shared = new WeakMap<object, Loaded<never>>()

/**
 * A case with a runtime and a model. Cases run one after another on the same, since starting one takes longer than most
 * cases. After a case that fails, the next one starts another.
 */
export function loaded(name: string, check: <Source>(context: CaseContext<Source>) => Promise<void>): RuntimeCase {
  return {
    name,
    async run(subject) {
      const { runtime, sdxl } = await sharedBy(subject)
      try {
        await check({ subject, runtime, sdxl, expect: assertion(name) })
      } catch (error) {
        await disposeShared(subject)
        throw error
      }
    },
  }
}

async function sharedBy<Source>(subject: RuntimeSubject<Source>): Promise<Loaded<Source>> {
  const found = shared.get(subject) as Loaded<Source> | undefined
  if (found !== undefined) return found
  const runtime = await subject.create()
  const loading = runtime.loadSdxl(subject.checkpoint).catch(async (error: unknown) => {
    await runtime.dispose()
    throw error
  })
  const started = { runtime, sdxl: await loading }
  shared.set(subject, started as Loaded<never>)
  return started
}

async function disposeShared<Source>(subject: RuntimeSubject<Source>): Promise<void> {
  const found = shared.get(subject)
  shared.delete(subject)
  await found?.runtime.dispose()
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
