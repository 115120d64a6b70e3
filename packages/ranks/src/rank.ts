import { setTimeout as wait } from "node:timers/promises"
import { checkArgument, checkOptions, checkRanges, type OptionKinds } from "@lllite/core/names"
import { addressText, type RankAddress } from "./address.ts"
import { checkAuthority } from "./certificate.ts"
import { RanksError } from "./errors.ts"
import { connected } from "./rank-connection.ts"
import type { RankOptions } from "./rank-options.ts"

/** Seconds between two tries. */
const RETRY = 1

const KINDS: OptionKinds<RankOptions> = {
  address: "an object",
  token: "text",
  identity: "an object",
  name: "text",
  places: "a number",
  tls: "an object",
  branch: "an object or null",
  patience: "a number",
  gradient: "a function",
  onEvent: "a function",
  signal: "an AbortSignal",
}

const RANGES = { places: { integer: true, min: 1 }, patience: { min: 0 } } as const

/**
 * Computes parts for a leading process, until its run ends. A connection that is lost is made anew. Past a number of ranks,
 * the leading process sends this one to a branch, or lets it lead one.
 *
 * @throws RanksError `refused` when the token or this rank's identity is not the run's, `unreachable` when the leading
 * process is not found in time, `address` for a host that is none, `certificate` for a text that is not one; the signal's reason when aborted
 */
export async function runRank(options: RankOptions): Promise<void> {
  checkOptions("rank", options, KINDS, ["address", "token", "identity", "name", "places", "gradient", "signal"])
  checkArgument("rank: the host of its address", options.address.host, "text")
  checkRanges("rank", { places: options.places, patience: options.patience }, RANGES)
  const { tls, signal, patience = 600, onEvent = () => {} } = options
  if (tls?.ca !== undefined) checkAuthority(tls.ca)
  const address = addressText(options.address)
  let since = performance.now()
  let isWaiting = false
  /** The branch that this rank belongs to. Null: it is with the leading process. */
  let branch: RankAddress | null = null
  let unreached: string | null = null
  for (;;) {
    signal.throwIfAborted()
    const ended = await connected(branch ?? options.address, options, unreached)
    signal.throwIfAborted()
    if (ended.kind === "end") return
    if (ended.kind === "go") {
      branch = ended.address
      unreached = null
      isWaiting = false
      continue
    }
    if (branch !== null) {
      // The leading process knows another place.
      const hadJoined = ended.kind === "parted" && ended.hadJoined
      if (hadJoined) onEvent({ kind: "parted", reason: `${addressText(branch)}: ${ended.reason}` })
      unreached = hadJoined ? null : addressText(branch)
      branch = null
      since = performance.now()
      continue
    }
    if (ended.kind === "refused") {
      throw new RanksError("refused", `ranks: ${address} refuses this rank: ${ended.reason}`)
    }
    if (ended.hadJoined) {
      onEvent({ kind: "parted", reason: ended.reason })
      since = performance.now()
      unreached = null
      isWaiting = true
    }
    if (!isWaiting) onEvent({ kind: "waiting", reason: ended.reason })
    isWaiting = true
    if (performance.now() - since > patience * 1000) {
      throw new RanksError(
        "unreachable",
        `ranks: nothing answers at ${address} for ${patience} s: ${ended.reason}. Start the training there first.`,
      )
    }
    await wait(RETRY * 1000, undefined, { signal }).catch(() => {})
  }
}
