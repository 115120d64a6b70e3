import { checkGiven } from "@lllite/core/names"
import { checkStorage } from "../check-storage.ts"
import { checkHalf } from "../product/check-half.ts"
import { checkMatrices } from "../product/check-matrices.ts"
import type { PathChecks } from "./start-on-paths.ts"
import { readKept, type TextStore, writeKept } from "./text-store.ts"

/** The outcome of a check as it is stored: null for right, or else what is wrong. */
type Outcome = string | null

/**
 * Whether this adapter's float16 was right in `checkHalf`. The outcome is stored, so that the check runs once for every
 * adapter and driver. A store that is damaged or not readable only costs another check. A check that throws is a problem.
 *
 * @param adapter a text that is different for every adapter and driver
 * @param check runs on the device in use. Default: `checkHalf`
 * @returns null if it was right, or else what is wrong
 */
export async function keptCheck(
  store: TextStore,
  adapter: string,
  check: () => Promise<Outcome> = checkHalf,
): Promise<Outcome> {
  const kept = await readKept(store)
  const known = kept[adapter]
  if (known === null || typeof known === "string") return known
  const outcome = await check().catch((cause: unknown) => (cause instanceof Error ? cause.message : String(cause)))
  await writeKept(store, { ...kept, [adapter]: outcome })
  return outcome
}

/** The checks of float16 and of subgroup matrices on the device in use. Each runs once for every driver. */
export function keptChecks(store: TextStore): PathChecks {
  checkGiven("checks: the store", store, "read", "the runtime, with read and write,")
  return {
    half: (version) => keptCheck(store, version),
    storage: (version) => keptCheck(store, `${version}, storage`, checkStorage),
    matrices: (version) => keptCheck(store, `${version}, matrices, attention and its slopes`, checkMatrices),
  }
}
