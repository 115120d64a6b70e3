import type { Client } from "../channel/client.ts"
import type { FinalRanges } from "../training/gradients.ts"
import type { RuntimeTasks, RuntimeTypes } from "./tasks.ts"
import type { StepHelper } from "./train-help.ts"

/** Computes parts of steps on the workers in turn. See `SdxlHandle`. */
export function createStepHelper<Types extends RuntimeTypes>(
  clients: readonly [Client<RuntimeTasks<Types>>, ...Client<RuntimeTasks<Types>>[]],
  place: { readonly model: number; readonly run: number },
): StepHelper {
  let turn = 0
  return {
    async gradient({ encoding, ...part }, signal, onFinal) {
      const [first] = clients
      const client = clients[turn++ % clients.length] ?? first
      const { length } = part.lllite.values
      const watched = onFinal === undefined || typeof SharedArrayBuffer === "undefined" ? null : onFinal
      const into = watched === null ? null : new Float32Array(new SharedArrayBuffer(4 * length))
      const channel = watched === null ? null : new MessageChannel()
      const argument = { ...place, ...part, encoding: { ...encoding, vaeSlices: null }, into }
      if (channel === null || into === null) return client.call("gradient", { ...argument, progress: null }, { signal })
      channel.port1.onmessage = ({ data }) => watched?.(into, data as FinalRanges)
      try {
        const sent = { ...argument, progress: channel.port2 }
        const result = await client.call("gradient", sent, { signal, transfer: [channel.port2] })
        return { ...result, gradients: into }
      } finally {
        // A message that is still on its way is of no use.
        channel.port1.onmessage = null
        channel.port1.close()
      }
    },
    async dispose() {
      // A worker that has ended has nothing of the run any more.
      await Promise.allSettled(clients.map((client) => client.call("forget", { run: place.run })))
    },
  }
}
