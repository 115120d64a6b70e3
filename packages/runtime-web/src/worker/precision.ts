import type { ProductPrecision, WebgpuDevice } from "@lllite/webgpu"

/** The precision of products on a device, and why it is not the wanted one. */
export interface ChosenPrecision {
  readonly precision: ProductPrecision
  readonly notices: readonly string[]
}

/**
 * Chooses the precision of products. F16 needs subgroup matrices that the browser shows, and a driver that computes them
 * rightly. Without them it is F32, with a notice.
 *
 * @param check gives null where the driver's matrices are right, or else what is wrong
 */
export async function choosePrecision(
  wanted: ProductPrecision,
  { matrices }: Pick<WebgpuDevice, "matrices">,
  check: () => Promise<string | null>,
): Promise<ChosenPrecision> {
  if (wanted === "F32") return { precision: "F32", notices: [] }
  // A failed check is kept. The browser may show matrices later, by a flag or a newer release.
  const problem = matrices.length === 0 ? "this browser shows no subgroup matrices" : await check()
  if (problem === null) return { precision: "F16", notices: [] }
  return { precision: "F32", notices: [`Products are computed in float32, not in float16: ${problem}.`] }
}
