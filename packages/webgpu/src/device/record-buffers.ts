import type { TensorLife } from "@lllite/core/ops"

/** A buffer of a pass that is being recorded, from its acquisition to its release. */
export interface BufferLife extends TensorLife {
  readonly buffer: GPUBuffer
}

/**
 * Notes when a pass that is being recorded takes and releases buffers, and keeps those that records of passes need. Records
 * run one after another, and each writes what it reads. So all of them share their buffers, and nothing else gets one.
 * Only constants belong to one record each.
 */
export class RecordBuffers {
  /** The number of commands that were recorded. Null: nothing is recorded. */
  #clock: (() => number) | null = null
  #lives: { buffer: GPUBuffer; bytes: number; from: number; until: number }[] = []
  /** The last life of each buffer, where it has not ended. */
  readonly #current = new Map<GPUBuffer, { until: number }>()
  /** Buffers of constants, and whether a tensor has them. */
  readonly #constants = new Map<GPUBuffer, boolean>()
  #shared: readonly GPUBuffer[] = []

  /** Whether a pass is being recorded. */
  get isOpen(): boolean {
    return this.#clock !== null
  }

  /** Begins a record. `clock` gives the number of its commands so far. */
  open(clock: () => number): void {
    this.#clock = clock
    this.#lives = []
    this.#current.clear()
  }

  /** Ends it. → the lives of its buffers, in the order of their beginning. Some do not end in it. */
  close(): readonly BufferLife[] {
    this.#clock = null
    this.#current.clear()
    return this.#lives.splice(0)
  }

  /** Notes that a tensor gets a buffer. */
  note(buffer: GPUBuffer): void {
    if (this.#clock === null) return
    const life = { buffer, bytes: buffer.size, from: this.#clock(), until: Number.POSITIVE_INFINITY }
    this.#lives.push(life)
    this.#current.set(buffer, life)
  }

  /** Keeps a buffer that belongs to no record, with the values that it is given now, until `dropConstants`. */
  hold(buffer: GPUBuffer): void {
    this.#constants.set(buffer, true)
    const life = this.#current.get(buffer)
    this.#current.delete(buffer)
    this.#lives = this.#lives.filter((other) => other !== life)
  }

  /**
   * Notes that a tensor releases a buffer.
   *
   * @returns whether it is a constant's, which stays
   */
  release(buffer: GPUBuffer): boolean {
    if (this.#constants.has(buffer)) {
      this.#constants.set(buffer, false)
      return true
    }
    const life = this.#current.get(buffer)
    if (life !== undefined && this.#clock !== null) life.until = this.#clock()
    this.#current.delete(buffer)
    return false
  }

  /** Gives up constants. → those that no tensor has */
  dropConstants(buffers: readonly GPUBuffer[]): readonly GPUBuffer[] {
    const free = buffers.filter((buffer) => this.#constants.get(buffer) === false)
    for (const buffer of buffers) this.#constants.delete(buffer)
    return free
  }

  /** The buffers that all records share. */
  get shared(): readonly GPUBuffer[] {
    return this.#shared
  }

  /** Keeps buffers for all records. */
  keep(buffers: readonly GPUBuffer[]): void {
    this.#shared = buffers
  }

  /** Gives up the buffers of all records. → these buffers */
  drop(): readonly GPUBuffer[] {
    const free = this.#shared
    this.#shared = []
    return free
  }
}
