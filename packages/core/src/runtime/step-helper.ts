import type { Client } from "../channel/client.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"
import type { StepHelper } from "./train-help.ts"

/** Computes parts of steps on the workers in turn. See `SdxlHandle`. */
export function createStepHelper<Types extends RuntimeTypes>(
  clients: readonly [Client<RuntimeTasks<Types>>, ...Client<RuntimeTasks<Types>>[]],
  place: { readonly model: number; readonly run: number },
): StepHelper {
  let turn = 0
  return {
    async gradient({ encoding, ...part }, signal) {
      const [first] = clients
      const client = clients[turn++ % clients.length] ?? first
      const argument = { ...place, ...part, encoding: { ...encoding, vaeSlices: null }, into: null }
      return client.call("gradient", argument, { signal })
    },
    async dispose() {
      // A worker that has ended has nothing of the run any more.
      await Promise.allSettled(clients.map((client) => client.call("forget", { run: place.run })))
    },
  }
}
