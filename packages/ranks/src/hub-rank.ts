import type { StepGroup, StepPart } from "@lllite/core/runtime"
import type { LossAndGradients } from "@lllite/core/training"
import type { RankAddress } from "./address.ts"
import { RanksError } from "./errors.ts"
import type { Link } from "./link.ts"
import type { FromHub, FromRank } from "./messages.ts"
import { type Assembly, createAssembly } from "./pieces.ts"

/** The ranks that another rank leads. */
export interface Branch {
  readonly address: RankAddress
  /** The ranks that it has said to have. */
  ranks: number
  /** Ranks that were sent to it, or are there. */
  assigned: number
  /** Whether ranks that were sent to it have reached it. */
  isReachable: boolean
}

/** A hub's end of one rank. */
export interface HubRank {
  readonly name: string
  readonly places: number
  readonly link: Link
  /** Parts whose feedback it keeps. */
  readonly lanes: Set<number>
  branch: Branch | null
  /** The parts that it could take now. */
  free(): number
  isSumming(): boolean
  gradient(part: StepPart, signal: AbortSignal): Promise<LossAndGradients | null>
  sum(group: StepGroup, signal: AbortSignal): Promise<LossAndGradients | null>
  takeFeedback(before: number): Promise<ReadonlyMap<number, Float32Array>>
  /** Takes an answer. @returns what is wrong with it, as a sentence without its end. Null: nothing */
  answer(message: Extract<FromRank, { readonly id: number }>): string | null
  /** Ends all that waits for the rank: as lost, or with an error. */
  lose(error: Error | null): void
}

/** A part or a group that a rank computes, or feedback that it gives back. */
interface Pending {
  readonly kind: "part" | "group" | "take"
  readonly assembly: Assembly
  readonly taken: Map<number, Float32Array>
  readonly since: number
  resolve(result: LossAndGradients | null): void
  reject(error: Error): void
}

/** How long ranks may take for an answer. All ranks of a run share it. */
export interface AnswerTimes {
  /** Seconds for the next answer. */
  limit(): number
  /** Notes the seconds of an answer. */
  note(seconds: number): void
}

/**
 * The limit is ten times the longest answer so far, and no less than `floor` seconds. Before the first answer, which also
 * encodes and compiles, it is 60 times `floor`.
 */
export function createAnswerTimes(floor: number): AnswerTimes {
  let longest = 0
  return {
    limit: () => (longest === 0 ? 60 * floor : Math.max(floor, 10 * longest)),
    note(seconds) {
      longest = Math.max(longest, seconds)
    },
  }
}

let asked = 0

/** @param times limits of all ranks: one that takes longer is dropped */
export function createHubRank(name: string, places: number, link: Link, times: AnswerTimes): HubRank {
  const pending = new Map<number, Pending>()
  /** Parts whose answer has not come. An aborted part is among them. */
  const busy = new Map<number, Pending["kind"]>()
  const lanes = new Set<number>()
  const say = async (message: FromHub): Promise<void> => {
    // A connection that has ended says so by its event.
    await link.send(message).catch(() => {})
  }
  const ask = async (
    kind: Pending["kind"],
    size: number,
    message: (id: number) => FromHub,
    signal: AbortSignal | null,
  ): Promise<{ readonly result: LossAndGradients | null; readonly taken: ReadonlyMap<number, Float32Array> }> => {
    signal?.throwIfAborted()
    const id = asked++
    busy.set(id, kind)
    let stop = (): void => {}
    const seconds = times.limit()
    const late = setTimeout(() => link.drop(`it has not answered for ${Math.round(seconds)} s`), seconds * 1000)
    late.unref()
    const taken = new Map<number, Float32Array>()
    try {
      const result = await new Promise<LossAndGradients | null>((resolve, reject) => {
        pending.set(id, { kind, assembly: createAssembly(size), taken, since: performance.now(), resolve, reject })
        stop = () => {
          if (pending.delete(id)) void say({ kind: "abort", id })
          reject(signal?.reason)
        }
        signal?.addEventListener("abort", stop)
        void say(message(id))
      })
      return { result, taken }
    } finally {
      clearTimeout(late)
      signal?.removeEventListener("abort", stop)
    }
  }
  const keep = (tasks: readonly Pick<StepPart, "task" | "feedback">[]): void => {
    for (const { task, feedback } of tasks) if (feedback !== undefined) lanes.add(task.lane)
  }
  const isSumming = (): boolean => [...busy.values()].includes("group")
  return {
    ...{ name, places, link, lanes },
    branch: null,
    isSumming,
    free: () => (isSumming() ? 0 : Math.max(0, places - busy.size)),
    async gradient(part, signal) {
      const { result } = await ask("part", part.lllite.values.length, (id) => ({ kind: "part", id, part }), signal)
      if (result !== null) keep([part])
      return result
    },
    async sum(group, signal) {
      const { result } = await ask("group", group.lllite.values.length, (id) => ({ kind: "group", id, group }), signal)
      if (result !== null) keep(group.parts)
      return result
    },
    async takeFeedback(before) {
      if (lanes.size === 0) return new Map()
      const { taken } = await ask("take", 0, (id) => ({ kind: "take", id, before }), null)
      lanes.clear()
      return taken
    },
    answer(message) {
      const { id, kind } = message
      const one = pending.get(id)
      if (kind === "result" || kind === "failed") busy.delete(id)
      // An aborted part is answered, too.
      if (one === undefined) return null
      if (kind === "failed") return `it could not compute: ${message.reason}`
      if (kind === "pieces") return one.assembly.take(message.pieces)
      if (kind === "feedback") {
        if (one.kind !== "take" || !lanes.has(message.lane)) return "it sent feedback that was not asked for"
        one.taken.set(message.lane, message.values)
        return null
      }
      const gradients = one.assembly.whole()
      if (typeof gradients === "string") return gradients
      pending.delete(id)
      if (one.kind !== "take") times.note((performance.now() - one.since) / 1000)
      const { loss, repeats } = message
      one.resolve(repeats === 0 ? { loss, gradients } : { loss, gradients, repeats })
      return null
    },
    lose(error) {
      for (const { resolve, reject } of pending.values()) {
        if (error === null) resolve(null)
        else reject(error)
      }
      pending.clear()
    },
  }
}

/** The error that ends a run with the loss of a rank. */
export function lostError(name: string, reason: string): RanksError {
  return new RanksError("rank-lost", `ranks: ${name} was lost: ${reason}.`)
}
