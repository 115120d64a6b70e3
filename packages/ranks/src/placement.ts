import type { HubRank } from "./hub-rank.ts"
import type { Hello } from "./messages.ts"

/** Where a new rank goes. */
export type RankPlace =
  | { readonly kind: "here" }
  /** It leads a new branch. */
  | { readonly kind: "lead" }
  | { readonly kind: "branch"; readonly of: HubRank }

/**
 * The place of a new rank in the tree: with the leading process while its own group has room, then in a branch with room,
 * then before a new branch. A rank that cannot lead one stays with the leading process.
 *
 * @param size the processes of a group, the one that leads it included. Null: all ranks are with the leading process
 */
export function placeOf(
  { leads, unreached }: Pick<Hello, "leads" | "unreached">,
  ranks: Iterable<HubRank>,
  size: number | null,
): RankPlace {
  const all = [...ranks]
  if (size === null || unreached !== null) return { kind: "here" }
  if (all.filter(({ branch }) => branch === null).length < size - 1) return { kind: "here" }
  const open = all.find(({ branch }) => branch?.isReachable === true && branch.assigned < size - 1)
  if (open !== undefined) return { kind: "branch", of: open }
  return leads ? { kind: "lead" } : { kind: "here" }
}
