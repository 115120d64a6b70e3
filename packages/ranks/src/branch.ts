import { createPartPool, type StepGroup, type StepPart } from "@lllite/core/runtime"
import { type LossAndGradients, sumGroup } from "@lllite/core/training"
import { type RankHub, startRankHub } from "./hub.ts"
import type { FromRank } from "./messages.ts"
import type { RankOptions } from "./rank-options.ts"

/** The end of a branch that one rank leads. */
export interface LedBranch {
  readonly hub: RankHub
  /** Where other ranks join. Host null: the one by which this machine is seen. */
  readonly seen: { readonly host: string | null; readonly port: number }
  /** The sum of a group of parts, which the ranks of the branch and this one compute. */
  sum(group: StepGroup, signal: AbortSignal): Promise<LossAndGradients>
  takeFeedback(before: number): Promise<ReadonlyMap<number, Float32Array>>
}

const EVERYWHERE = new Set(["0.0.0.0", "::", ""])

/** Whether a rank can lead a branch. */
export function canLead({ branch = {}, tls }: RankOptions): boolean {
  return branch !== null && (tls === undefined || (branch.certificate !== undefined && branch.key !== undefined))
}

/**
 * Listens for the ranks of a branch.
 *
 * @param local the address by which this machine reaches the leading process
 * @throws RanksError `address` when the address cannot be listened on
 */
export async function leadBranch(
  { token, identity, branch, tls, places, gradient }: RankOptions,
  local: string,
  say: (message: FromRank) => Promise<void>,
): Promise<LedBranch> {
  const { address = { host: local, port: 0 }, certificate = "", key = "" } = branch ?? {}
  const hub = await startRankHub({
    ...{ host: address.host, port: address.port, token, identity, group: null },
    ...(tls === undefined ? {} : { tls: { certificate, key } }),
    onEvent({ kind, name, ranks }) {
      if (kind === "joined" || kind === "lost") void say({ kind: "branch", change: kind, name, ranks })
    },
  })
  const pool = createPartPool()
  return {
    hub,
    seen: { host: EVERYWHERE.has(address.host) ? null : address.host, port: hub.address.port },
    async sum({ parts, ...common }, signal) {
      const help = {
        free: async () => ({ places: hub.places(), branches: 0 }),
        gradient: (part: StepPart) => hub.gradient(part, signal),
        sum: async () => null,
        takeFeedback: hub.takeFeedback,
      }
      const own = (part: StepPart): Promise<LossAndGradients> => gradient(part, signal, () => {})
      const all = parts.map(({ share: _, ...part }) => ({ ...common, ...part }))
      const results = await pool.compute(all, Array<typeof own>(places).fill(own), help)
      return sumGroup(
        results,
        parts.map(({ share }) => share),
      )
    },
    takeFeedback: (before) => pool.takeFeedback(hub, before),
  }
}
