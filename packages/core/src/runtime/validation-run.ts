import { checkOptions } from "../argument.ts"
import type { Client } from "../channel/client.ts"
import { CoreError } from "../errors.ts"
import { GENERATE_RANGES } from "../generation/defaults.ts"
import type { LlliteModel } from "../models/lllite/layout.ts"
import { checkRanges } from "../number-range.ts"
import { checkSeed } from "../random/seed.ts"
import type { TrainDataset } from "../training/dataset.ts"
import { type EncodedRow, rowOf } from "../training/example-row.ts"
import { checkObjective } from "../training/objective-options.ts"
import { TRAIN_RANGES } from "../training/ranges.ts"
import type { Validation, ValidationOptions } from "./contract.ts"
import { checkDataset, VALIDATION_KINDS } from "./option-kinds.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"

/** Measures held-out examples on several workers, each example on a free one. See `SdxlHandle`. */
export function validateWith<Types extends RuntimeTypes>(
  clients: readonly Client<RuntimeTasks<Types>>[],
  place: { readonly model: number; readonly run: number },
  dataset: TrainDataset,
  options: ValidationOptions,
): Validation {
  checkOptions("validation", options, VALIDATION_KINDS)
  checkDataset("validation", dataset)
  const { seed, captionChunks = 1, weightedCaptions = false, vaeSlices = null, objective = {} } = options
  checkSeed("validation", seed)
  checkRanges("validation", { captionChunks }, TRAIN_RANGES)
  if (vaeSlices !== null) checkRanges("validation", { vaeSlices }, GENERATE_RANGES)
  checkObjective(objective)
  const { count } = dataset
  if (count < 1) throw new CoreError("dataset-empty", "validation: there is no held-out example. Give it at least one.")
  const sent = { ...place, encoding: { seed, captionChunks, weightedCaptions, vaeSlices } }
  /** What is encoded, by the number of the example. It is encoded once. */
  const rows: (EncodedRow | undefined)[] = []
  return {
    async losses(lllite: LlliteModel | null, signal?: AbortSignal) {
      const losses = new Array<readonly number[]>(count)
      const model = lllite === null ? null : { adapters: lllite.adapters, values: lllite.values }
      const readsLatents = lllite?.adapters.some(({ condInput }) => condInput === "latent") === true
      let taken = 0
      const takeAll = async (client: Client<RuntimeTasks<Types>>): Promise<void> => {
        for (let index = taken++; index < count; index = taken++) {
          signal?.throwIfAborted()
          const known = rows[index]
          const isKnown = known !== undefined && (!readsLatents || known.controlLatents != null)
          const row = isKnown ? known : await encoded(client, index, readsLatents, signal)
          rows[index] = row
          losses[index] = await client.call("losses", { ...sent, lllite: model, row, index, objective }, { signal })
        }
      }
      for (const result of await Promise.allSettled(clients.map(takeAll))) {
        if (result.status === "rejected") throw result.reason
      }
      return losses
    },
    async dispose() {
      await Promise.allSettled(clients.map((client) => client.call("forget", { run: place.run })))
    },
  }

  async function encoded(
    client: Client<RuntimeTasks<Types>>,
    index: number,
    readsLatents: boolean,
    signal: AbortSignal | undefined,
  ): Promise<EncodedRow> {
    const example = await dataset.example(index)
    const row = { ...rowOf(example, index, false), ...(readsLatents ? { controlLatents: null } : {}) }
    const argument = { ...sent, row, caption: example.caption }
    return (await client.call("encode", argument, { signal })).row
  }
}
