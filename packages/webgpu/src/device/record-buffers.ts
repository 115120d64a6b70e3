/**
 * Buffers of records of passes. Records run one after another, and each writes what it reads. So all of them share their
 * buffers, and nothing else gets one while there are records. Only constants belong to one record each.
 */
export class RecordBuffers {
  #isOpen = false
  readonly #owned = new Set<GPUBuffer>()
  /** Owned buffers that no tensor has, by the pool's key. */
  readonly #free = new Map<number, GPUBuffer[]>()
  /** Buffers of constants, and whether a tensor has them. */
  readonly #constants = new Map<GPUBuffer, boolean>()

  /** Whether a pass is being recorded. New buffers then belong to the records. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  open(): void {
    this.#isOpen = true
  }

  close(): void {
    this.#isOpen = false
  }

  /** A free buffer for the pass that is being recorded. */
  take(key: number): GPUBuffer | undefined {
    return this.#isOpen ? this.#free.get(key)?.pop() : undefined
  }

  /** Makes a buffer the records' own if a pass is being recorded. */
  add(buffer: GPUBuffer): void {
    if (this.#isOpen) this.#owned.add(buffer)
  }

  /** Keeps a buffer that belongs to no record, with the values that it is given now, until `dropConstants`. */
  hold(buffer: GPUBuffer): void {
    this.#constants.set(buffer, true)
  }

  /**
   * Takes a buffer back from a tensor.
   *
   * @returns whether it is one of these
   */
  release(buffer: GPUBuffer, key: number): boolean {
    if (this.#constants.has(buffer)) {
      this.#constants.set(buffer, false)
      return true
    }
    if (!this.#owned.has(buffer)) return false
    const free = this.#free.get(key)
    if (free === undefined) this.#free.set(key, [buffer])
    else free.push(buffer)
    return true
  }

  /** Gives up constants. → those that no tensor has */
  dropConstants(buffers: readonly GPUBuffer[]): readonly GPUBuffer[] {
    const free = buffers.filter((buffer) => this.#constants.get(buffer) === false)
    for (const buffer of buffers) this.#constants.delete(buffer)
    return free
  }

  /** Gives up all buffers but constants. → those that no tensor has */
  drop(): readonly GPUBuffer[] {
    const free = [...this.#free.values()].flat()
    this.#owned.clear()
    this.#free.clear()
    return free
  }
}
