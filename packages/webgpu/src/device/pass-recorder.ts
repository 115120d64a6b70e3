import { shareBuffers } from "@lllite/core/ops"
import type { Storage } from "../wgsl/module.ts"
import type { BufferPool } from "./buffer-pool.ts"
import type { BoundBuffer, Commands, Recording } from "./commands.ts"
import type { BufferLife } from "./record-buffers.ts"

/** A pass that can run again. */
export interface PassRecord {
  readonly recording: Recording
  /** Buffers that its inputs are copied to, in their order. */
  readonly inputs: readonly GPUBuffer[]
  /** The buffer, the shape and the storage of its result. */
  readonly result: BoundBuffer
  readonly shape: readonly number[]
  readonly storage: Storage
  /** Buffers with values that were uploaded while it was recorded. */
  readonly constants: readonly GPUBuffer[]
}

/** What was recorded, on the buffers of the tensors of that run. */
export interface Recorded {
  readonly recording: Recording
  readonly lives: readonly BufferLife[]
  readonly constants: readonly GPUBuffer[]
}

export interface PlannedRecording {
  readonly recording: Recording
  /** The buffer in place of one, in a dispatch. Undefined: none is. */
  placeOf(buffer: GPUBuffer, dispatch: number): GPUBuffer | undefined
}

/** What is known of a pass with one key. */
export interface KnownPass {
  /** Undefined: not recorded yet. Null: it cannot run again. */
  record?: PassRecord | null
}

/** Records to keep. The passes of a guided step are up to three, and tiles have passes of their own. */
const MOST_RECORDS = 16

/** Keys to remember. A strength that changes from step to step has a key for each step. */
const MOST_KEYS = 64

/** Keeps records of passes, and the buffers that they need. */
export class PassRecorder {
  readonly #commands: Commands
  readonly #pool: BufferPool
  /** The key that was used last comes last. */
  readonly #known = new Map<string, KnownPass>()
  readonly #numbers = new WeakMap<object, number>()
  #numbered = 0
  /** Constants of the pass that is being recorded. */
  #constants: GPUBuffer[] = []
  #isSpoilt = false

  constructor(commands: Commands, pool: BufferPool) {
    this.#commands = commands
    this.#pool = pool
  }

  /** A number of an object, which no other object gets. */
  numberOf(object: object): number {
    const known = this.#numbers.get(object)
    if (known !== undefined) return known
    const number = this.#numbered++
    this.#numbers.set(object, number)
    return number
  }

  /** What is known of a pass. Null at its first run. */
  find(key: string): KnownPass | null {
    const known = this.#known.get(key) ?? null
    this.#known.delete(key)
    this.#known.set(key, known ?? {})
    if (known?.record != null && !this.#commands.isCurrent(known.record.recording)) this.#dropRecord(known)
    this.#forgetOldest()
    return known
  }

  get isRecording(): boolean {
    return this.#pool.records.isOpen
  }

  /** Begins a record. */
  begin(): void {
    this.#isSpoilt = false
    this.#constants = []
    this.#commands.startRecording()
    this.#pool.records.open(() => this.#commands.collected)
  }

  /**
   * Ends a record.
   *
   * @returns what was recorded, or null if a command was not
   */
  end(): Recorded | null {
    const recording = this.#commands.stopRecording()
    const lives = this.#pool.records.close()
    const constants = this.#constants
    this.#constants = []
    if (!this.#isSpoilt && this.#commands.isCurrent(recording)) return { recording, lives, constants }
    this.#dropConstants(constants)
    return null
  }

  /**
   * Gives a record buffers of its own, which it shares with the other records. What it was recorded with stays the tensors'.
   *
   * @returns the recording, and the buffer that has taken the place of one at a time: a number of dispatches
   */
  plan({ recording, lives }: Recorded): PlannedRecording {
    const { records } = this.#pool
    const { places, buffers } = shareBuffers(
      lives,
      records.shared.map(({ size }) => size),
    )
    const shared = [...records.shared]
    const { COPY_DST, COPY_SRC, STORAGE } = GPUBufferUsage
    const usage = STORAGE | COPY_SRC | COPY_DST
    for (const size of buffers.slice(shared.length)) shared.push(this.#pool.acquireBuffer(size, usage))
    records.keep(shared)
    const livesOf = new Map<GPUBuffer, { from: number; until: number; place: GPUBuffer }[]>()
    for (const [i, { buffer, from, until }] of lives.entries()) {
      const own = livesOf.get(buffer) ?? []
      own.push({ from, until, place: shared[places[i] ?? -1] as GPUBuffer })
      livesOf.set(buffer, own)
    }
    const placeOf = (buffer: GPUBuffer, at: number): GPUBuffer | undefined =>
      livesOf.get(buffer)?.find(({ from, until }) => from <= at && at < until)?.place
    return { recording: this.#commands.rebind(recording, placeOf), placeOf }
  }

  /** Notes that a pass cannot run again. */
  refuse(key: string, constants: readonly GPUBuffer[]): void {
    this.#dropConstants(constants)
    this.#known.set(key, { record: null })
  }

  /** Notes that a command is not recorded, because it is one of tfjs's own. */
  spoil(): void {
    this.#isSpoilt = true
  }

  /** A buffer for values of the pass that is being recorded. No record writes it. */
  acquireConstant(size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const buffer = this.#pool.acquireBuffer(size, usage)
    this.#pool.records.hold(buffer)
    this.#constants.push(buffer)
    return buffer
  }

  /** Forgets all passes, and gives their buffers back. */
  clear(): void {
    if (this.isRecording) return
    for (const known of this.#known.values()) this.#dropRecord(known)
    this.#known.clear()
    for (const buffer of this.#pool.records.drop()) this.#pool.releaseBuffer(buffer)
  }

  #forgetOldest(): void {
    const withRecord = [...this.#known].filter(([, { record }]) => record != null)
    for (const [key, known] of withRecord.slice(0, -MOST_RECORDS)) {
      this.#dropRecord(known)
      this.#known.delete(key)
    }
    for (const [key, known] of this.#known) {
      if (this.#known.size <= MOST_KEYS) break
      this.#dropRecord(known)
      this.#known.delete(key)
    }
  }

  #dropRecord(known: KnownPass): void {
    if (known.record != null) this.#dropConstants(known.record.constants)
    delete known.record
  }

  #dropConstants(constants: readonly GPUBuffer[]): void {
    for (const buffer of this.#pool.records.dropConstants(constants)) this.#pool.releaseBuffer(buffer)
  }
}
