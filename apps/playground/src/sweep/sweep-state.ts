import { seedAfter } from "@lllite/core/names"
import type { Recipe } from "@lllite/core/recipe"
import { jsonSeed, recipeSeed, requestOf } from "@lllite/core/recipe"
import { signal } from "@preact/signals"
import { giveUp, usesOf } from "../draw/make-picture.ts"
import { origin, type Result } from "../draw/result.ts"
import { problemOf, type Sentence, sentence } from "../language/sentence.ts"
import type { ReadyModel } from "../page/model.ts"

/** The strengths of a sweep. Every control gets them. */
export const STRENGTHS = [0, 0.25, 0.5, 0.75, 1] as const
/** How many seeds a sweep can have. */
export const SEED_COUNTS = ["1", "2", "3", "4"] as const

/** The pictures of a sweep: a row for each seed, and in it one for each strength. */
export interface Sweep {
  readonly seeds: readonly Recipe["seed"][]
  readonly rows: readonly (readonly (Result | null)[])[]
  readonly isRunning: boolean
  /** Why it ended early. */
  readonly problem: Sentence | null
}

/** Null before the first sweep. */
export const sweep = signal<Sweep | null>(null)

let controller: AbortController | null = null

/** Stops the running sweep. Its pictures stay. */
export function stopSweep(): void {
  controller?.abort()
}

/** Makes a picture for each strength and seed, from the settings and the drawing as they are now. */
export async function runSweep(model: ReadyModel, seedCount: number): Promise<void> {
  giveUp()
  controller?.abort()
  const own = new AbortController()
  controller = own
  const from = origin.value
  sweep.value = { seeds: [], rows: [], isRunning: true, problem: null }
  const end = (problem: Sentence | null): void => {
    if (controller !== own || sweep.value === null) return
    controller = null
    sweep.value = { ...sweep.value, isRunning: false, problem }
  }
  try {
    const first = recipeSeed(from.recipe)
    const seeds = Array.from({ length: seedCount }, (_, index) => jsonSeed(seedAfter(first, index)))
    sweep.value = { ...sweep.value, seeds, rows: seeds.map(() => STRENGTHS.map(() => null)) }
    for (const [column, strength] of STRENGTHS.entries()) {
      const recipe = { ...from.recipe, adapters: from.recipe.adapters.map((adapter) => ({ ...adapter, strength })) }
      const { request, options } = requestOf(recipe)
      const requests = seeds.map((seed) => ({ ...request, seed: recipeSeed({ seed }) }))
      let begun = performance.now()
      const run = { ...options, ...(await usesOf(model, { ...from, recipe })), batchSize: 1, signal: own.signal }
      for await (const event of model.sdxl.generate(requests, run)) {
        if (event.kind !== "image" || controller !== own) continue
        const seed = seeds[event.index] ?? from.recipe.seed
        const seconds = (performance.now() - begun) / 1000
        begun = performance.now()
        place(event.index, column, {
          ...{ ...from, recipe: { ...recipe, seed }, image: event.image, plain: null },
          ...{ quality: "full", seconds, id: null },
        })
      }
    }
    end(null)
  } catch (error) {
    end(own.signal.aborted ? sentence("draw", "sweepStopped") : problemOf(error))
  }
}

function place(row: number, column: number, made: Result): void {
  if (sweep.value === null) return
  const rows = sweep.value.rows.map((cells, i) =>
    i === row ? cells.map((cell, j) => (j === column ? made : cell)) : cells,
  )
  sweep.value = { ...sweep.value, rows }
}
