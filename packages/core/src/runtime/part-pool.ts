import type { LossAndGradients } from "../training/gradients.ts"
import { createPartFeedback, type PartFeedback } from "../training/part-feedback.ts"
import { roundGradients, unroundGradients } from "../training/rounded-gradients.ts"
import { groupsOfParts, type PartGroup, type PartResult } from "../training/sum-parts.ts"
import type { StepGroup, StepPart } from "./train-help.ts"

/** A help as it is called from another thread, with its defaults. See `TrainHelp`. */
export interface PoolHelp {
  free(): Promise<{ readonly places: number; readonly branches: number }>
  gradient(part: StepPart): Promise<LossAndGradients | null>
  sum(group: StepGroup): Promise<LossAndGradients | null>
  takeFeedback(before: number): Promise<ReadonlyMap<number, Float32Array>>
}

/** Computes a part in this process. `index` is its place in the list of parts. */
export type ComputePart = (part: StepPart, index: number) => Promise<LossAndGradients>

/** Places that compute the parts of a run's steps side by side: those of this process, and a help. */
export interface PartPool {
  /**
   * Computes parts. Results have the parts' order, where the parts of a group may be one sum.
   *
   * @param parts of one or more whole batches, or of one group of a batch
   * @throws the first error of a place
   */
  compute(
    parts: readonly StepPart[],
    own: readonly ComputePart[],
    help: PoolHelp | null,
  ): Promise<readonly PartResult[]>
  /** Takes what is left out of parts, by their lanes, also from the help. See `TrainHelp.takeFeedback`. */
  takeFeedback(help: Pick<PoolHelp, "takeFeedback"> | null, before: number): Promise<ReadonlyMap<number, Float32Array>>
}

/** Where a lane's feedback is: here, or where parts or groups are computed. */
type Lane = PartFeedback | "part" | "group"

/**
 * Parts go to whichever place is free. A branch of the help takes whole groups, and the first group is not for branches. A
 * part whose feedback is kept elsewhere goes there.
 *
 * @param start what is left out of parts so far, by their lanes. Default: nothing
 */
export function createPartPool(start: ReadonlyMap<number, Float32Array> = new Map()): PartPool {
  const lanes = new Map<number, Lane>([...start].map(([lane, list]) => [lane, createPartFeedback(list)]))
  let places = ""

  const takeFeedback: PartPool["takeFeedback"] = async (help, before) => {
    const isFar = [...lanes.values()].some((lane) => typeof lane === "string")
    const far = isFar ? ((await help?.takeFeedback(before)) ?? new Map<number, Float32Array>()) : new Map()
    const taken = new Map<number, Float32Array>(far)
    for (const [lane, at] of lanes) {
      const list = typeof at === "string" ? (far.get(lane) ?? null) : at.asOf(before)
      if (list !== null) taken.set(lane, list)
      // A lane whose place was lost begins anew.
      lanes.set(lane, createPartFeedback(list))
    }
    return new Map([...taken].sort(([a], [b]) => a - b))
  }

  return {
    takeFeedback,
    async compute(parts, own, help) {
      const free = (await help?.free()) ?? { places: 0, branches: 0 }
      const [first] = parts
      const rounds = first?.feedback !== undefined
      // Other places: parts are shared out anew. Within a step they are not, because an end would have no state then.
      if (rounds && first.task.lane === 0 && places !== `${free.places} ${free.branches}`) {
        await takeFeedback(help, Number.POSITIVE_INFINITY)
        places = `${free.places} ${free.branches}`
      }
      for (const { task, feedback } of parts) {
        if (feedback !== undefined && feedback !== "kept") lanes.set(task.lane, createPartFeedback(feedback))
      }
      const results = new Array<PartResult | undefined>(parts.length)
      const groups = groupsOfBatches(parts)
      const [nearest, ...rest] = groups
      const waiting = nearest === undefined ? [] : indicesOf(nearest)
      const waitingGroups = [...rest]
      const laneOf = (index: number): Lane | null => lanes.get(parts[index]?.task.lane ?? 0) ?? null
      const isAt = (index: number, ...allowed: readonly (Lane | null)[]): boolean => {
        const lane = laneOf(index)
        return lane === null || typeof lane !== "string" || allowed.includes(lane)
      }
      /** The next part that a place may take. Groups are opened from the first one on. */
      const nextPart = (...allowed: readonly Lane[]): number | undefined => {
        for (;;) {
          const found = waiting.findIndex((index) => isAt(index, ...allowed))
          if (found >= 0) return waiting.splice(found, 1)[0]
          const group = waitingGroups.findIndex((each) => indicesOf(each).some((index) => isAt(index, ...allowed)))
          if (group < 0) return undefined
          waiting.push(...waitingGroups.splice(group, 1).flatMap(indicesOf))
        }
      }
      const nextGroup = (): PartGroup | undefined => {
        const found = waitingGroups.findLastIndex(
          (group) => group[1] - group[0] > 1 && indicesOf(group).every((index) => isAt(index, "group")),
        )
        return found < 0 ? undefined : waitingGroups.splice(found, 1)[0]
      }
      /** A part as it is sent to the help, with the feedback that is here. */
      const sent = (index: number): StepPart => {
        const part = parts[index] as StepPart
        if (!rounds) return part
        const lane = laneOf(index)
        const feedback = lane === null ? null : typeof lane === "string" ? "kept" : lane.asOf(part.task.step)
        return { ...part, feedback }
      }
      const setLanes = (indices: readonly number[], at: Lane): void => {
        if (rounds) for (const index of indices) lanes.set(parts[index]?.task.lane ?? 0, at)
      }
      /** What a lost place had kept is lost, too. What is here stays. @returns whether anything was lost */
      const loseLanes = (indices: readonly number[]): boolean => {
        const lost = indices.filter(isFar)
        for (const index of lost) setLanes([index], createPartFeedback(null))
        return lost.length > 0
      }
      const isFar = (index: number): boolean => typeof laneOf(index) === "string"
      /** @returns whether there was a place for the part */
      const computeFar = async (index: number): Promise<boolean> => {
        const result = (await help?.gradient(sent(index))) ?? null
        if (result === null) {
          waiting.push(index)
          // Another place kept it, and that one is gone.
          return loseLanes([index])
        }
        setLanes([index], "part")
        results[index] = result
        return true
      }
      const takeFar = async (): Promise<void> => {
        for (let index = nextPart("part"); index !== undefined; index = nextPart("part")) {
          if (!(await computeFar(index))) return
        }
      }
      const takeGroups = async (): Promise<void> => {
        for (let group = nextGroup(); group !== undefined; group = nextGroup()) {
          const indices = indicesOf(group)
          const shares = sharesOf(parts, group)
          const members = indices.map((index, i) => ({ ...taskOf(sent(index)), share: shares[i] ?? 0 }))
          const { lllite, objective, encoding } = parts[group[0]] as StepPart
          const result = (await help?.sum({ lllite, objective, encoding, parts: members })) ?? null
          if (result === null) {
            waiting.push(...indices)
            if (loseLanes(indices)) continue
            return
          }
          setLanes(indices, "group")
          results[group[0]] = { ...result, sumOf: indices.length }
        }
      }
      const takeOwn = async (compute: ComputePart): Promise<void> => {
        for (let index = nextPart(); index !== undefined; index = nextPart()) {
          const part = parts[index] as StepPart
          const result = await compute(part, index)
          if (rounds) roundHere(part, result.gradients)
          results[index] = result
        }
      }
      const roundHere = ({ task }: StepPart, gradients: Float32Array): void => {
        const known = lanes.get(task.lane)
        const lane = known === undefined || typeof known === "string" ? createPartFeedback(null) : known
        lanes.set(task.lane, lane)
        const { before, after } = lane.at(task.step, gradients.length)
        unroundGradients(roundGradients(gradients, before, after), gradients)
      }
      // What is elsewhere takes its parts first, because it would have none if there were few.
      const branches = Array.from({ length: free.branches }, takeGroups)
      const far = Array.from({ length: free.places }, takeFar)
      await allOrFirstError([...branches, ...far, ...own.map(takeOwn)])
      // Parts of places that were lost after all others had ended, or that only a place has that is gone.
      if (waitingGroups.length > 0) await takeGroups()
      for (const index of waiting.filter(isFar)) {
        waiting.splice(waiting.indexOf(index), 1)
        await computeFar(index)
      }
      const [last] = own
      if (last !== undefined) await takeOwn(last)
      return results.filter((result) => result !== undefined)
    },
  }
}

/** The groups of all batches among parts. */
function groupsOfBatches(parts: readonly StepPart[]): readonly PartGroup[] {
  const groups: PartGroup[] = []
  for (let from = 0; from < parts.length; ) {
    const rest = parts.slice(from)
    const other = rest.findIndex(({ task }) => task.step !== rest[0]?.task.step)
    const count = other < 0 ? rest.length : other
    groups.push(...groupsOfParts(count).map(([a, b]) => [from + a, from + b] as const))
    from += count
  }
  return groups
}

function indicesOf([from, to]: PartGroup): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

/** The shares of a group's parts in the mean of their batch's rows. */
function sharesOf(parts: readonly StepPart[], [from, to]: PartGroup): readonly number[] {
  const ofBatch = parts.filter(({ task }) => task.step === parts[from]?.task.step)
  const rows = ofBatch.reduce((sum, { task }) => sum + task.examples.length, 0)
  return parts.slice(from, to).map(({ task }) => task.examples.length / rows)
}

function taskOf({ task, rows, feedback }: StepPart): Pick<StepPart, "task" | "rows" | "feedback"> {
  return { task, rows, ...(feedback === undefined ? {} : { feedback }) }
}

/** Waits for all, so that all work has ended when one has failed. */
async function allOrFirstError(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) {
    if (result.status === "rejected") throw result.reason
  }
}
