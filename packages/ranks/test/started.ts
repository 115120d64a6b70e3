import { setTimeout as wait } from "node:timers/promises"
import type { StepPart } from "@lllite/core/runtime"
import type { LossAndGradients } from "@lllite/core/training"
import { afterEach } from "vitest"
import type { RankEvent, RankHub, RankHubOptions, RankOptions } from "../src/index.ts"
import { runRank, startRankHub } from "../src/index.ts"

/* Hubs and ranks of a test, which end with it. */

export const IDENTITY = { version: "1.2.3", backend: "wasm", model: "tiny" }
export const TOKEN = "a secret"

export function partOf(step: number, values = Float32Array.of(1, 2, 3), lane = 0): StepPart {
  const lllite = { adapters: [], values }
  const encoding = { seed: 2n ** 60n, captionChunks: 1, weightedCaptions: false }
  return { lllite, task: { step, firstRow: lane, examples: [0], lane }, rows: [], objective: {}, encoding }
}

/** The values times the step, as if they were gradients. */
export const timesStep = async ({ lllite, task }: StepPart): Promise<LossAndGradients> => ({
  loss: task.step / 8,
  gradients: lllite.values.map((value) => value * task.step),
})

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Is called at the end of the test. */
export function atEnd(end: () => Promise<unknown>): void {
  ends.push(end)
}

export async function hubWith(changes: Partial<RankHubOptions> = {}): Promise<{ hub: RankHub; events: RankEvent[] }> {
  const events: RankEvent[] = []
  const options = { host: "127.0.0.1", port: 0, token: TOKEN, identity: IDENTITY }
  const hub = await startRankHub({ ...options, onEvent: (event) => events.push(event), ...changes })
  ends.push(() => hub.close())
  return { hub, events }
}

/** A rank that runs until the test ends, or until it is left. */
export function rankOf(
  hub: Pick<RankHub, "address">,
  changes: Partial<RankOptions> = {},
): { ended: Promise<unknown>; leave: () => void } {
  const controller = new AbortController()
  const options = { address: hub.address, token: TOKEN, identity: IDENTITY, name: "rank 1", places: 1 }
  const ended = runRank({ ...options, gradient: timesStep, signal: controller.signal, ...changes }).then(
    () => "end",
    (error: unknown) => error,
  )
  const leave = (): void => controller.abort(new Error("left"))
  ends.push(async () => {
    leave()
    await ended
  })
  return { ended, leave }
}

export async function until(isTrue: () => boolean): Promise<void> {
  const since = performance.now()
  while (!isTrue()) {
    if (performance.now() - since > 30_000) throw new Error(`it did not come true: ${isTrue}`)
    await wait(5)
  }
}
