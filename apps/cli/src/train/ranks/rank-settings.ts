import { groupsOfParts } from "@lllite/core/training"
import { isLoopback, type OptionReader } from "@lllite/runtime-node/options"
import { addressProblem, readAddress } from "../../ranks/address.ts"
import { plural } from "../../terminal/text.ts"
import type { TRAIN_OPTIONS } from "../options/index.ts"

/** The most processes without a tree, and the most parts of a batch that are one group. */
const GROUP = 8

/** Parts of a batch without ranks. The number is fixed, so that a machine with more cores trains the same LLLite. */
export const BATCH_PARTS = 2

/** Where a run listens for ranks. */
export interface RankPlace {
  readonly host: string
  readonly port: number
  readonly tokenFile?: string
  readonly tls?: { readonly certificate: string; readonly key: string }
}

/** The processes of a run. */
export interface RankSettings {
  /** This process included. */
  readonly count: number
  /** Null: the others are started on this machine. */
  readonly place: RankPlace | null
  readonly lost: "continue" | "stop"
  readonly shape: "tree" | "flat"
  /** Seconds for which the first step waits for them all. */
  readonly wait: number
}

/**
 * The shape in which ranks are connected. A branch adds up a whole group of a batch's parts, and the first group is not for
 * branches. Without a second group, ranks of branches would have nothing to do.
 *
 * @param parts of the largest batch
 */
export function shapeOf(
  { count, shape }: Pick<RankSettings, "count" | "shape">,
  parts: number,
): { readonly shape: RankSettings["shape"]; readonly notice: string | null } {
  if (shape === "flat" || groupsOfParts(parts).length > 1) return { shape, notice: null }
  const notice =
    count > GROUP
      ? `All ranks are connected to this process, because the largest batch has ${plural(parts, "part")}. More than ${GROUP} use a tree.`
      : null
  return { shape: "flat", notice }
}

/** The processes that compute a run. Null: this one alone. The reader keeps the problems. */
export function readRanks({ settings, check, nameOf, isGiven }: OptionReader<typeof TRAIN_OPTIONS>): {
  readonly ranks: RankSettings | null
  readonly batchParts: number
  readonly notices: readonly string[]
} {
  const { ranks: count, rankAddress, rankTokenFile, rankCertificate, rankKey, rankLost, rankShape, rankWait } = settings
  const address = rankAddress === undefined ? null : readAddress(rankAddress)
  check(["rankAddress"], () =>
    rankAddress !== undefined && address === null
      ? addressProblem(nameOf("rankAddress"), rankAddress, "0.0.0.0:7700")
      : null,
  )
  check(["rankCertificate", "rankKey"], () =>
    (rankCertificate === undefined) === (rankKey === undefined)
      ? null
      : `${nameOf("rankCertificate")} and ${nameOf("rankKey")} go together: give both, or none`,
  )
  const parts = settings.batchParts ?? Math.max(BATCH_PARTS, count)
  const isAlone = count === 1 && address === null
  const tls =
    rankCertificate === undefined || rankKey === undefined
      ? {}
      : { tls: { certificate: rankCertificate, key: rankKey } }
  const place = address && { ...address, ...tls, ...(rankTokenFile === undefined ? {} : { tokenFile: rankTokenFile }) }
  const ofPlace = ["rankTokenFile", "rankCertificate", "rankKey"] as const
  return {
    ranks: isAlone ? null : { count, place, lost: rankLost, shape: rankShape, wait: rankWait },
    batchParts: parts,
    notices: [
      ...ofPlace
        .filter((name) => address === null && isGiven(name))
        .map((name) => `${nameOf(name)} has no effect: ${nameOf("rankAddress")} is not set.`),
      ...(["rankLost", "rankShape", "rankWait"] as const)
        .filter((name) => isAlone && isGiven(name))
        .map((name) => `${nameOf(name)} has no effect: the run has one process.`),
      ...(place !== null && count === 1 && isGiven("rankWait")
        ? [`${nameOf("rankWait")} has no effect: ${nameOf("ranks")} is 1, so no other process is waited for.`]
        : []),
      ...(place !== null && !("tls" in place) && !isLoopback(place.host)
        ? [`What ranks are sent at ${nameOf("rankAddress")} is not encrypted: ${nameOf("rankCertificate")} is not set.`]
        : []),
    ],
  }
}
