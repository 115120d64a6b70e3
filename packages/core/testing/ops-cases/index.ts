import { adapterCases } from "./adapters.ts"
import { attentionCases } from "./attention.ts"
import type { OpsCase } from "./case.ts"
import { convolutionCases } from "./convolutions.ts"
import { normCases } from "./norms.ts"
import { pointwiseCases } from "./pointwise.ts"
import { productCases } from "./products.ts"

export type { CaseInput, OpsCase } from "./case.ts"

/**
 * Every verb, with the shapes where kernels often fail: odd channels, one row, several heads, borders, large values.
 */
export function opsCases(): OpsCase[] {
  return [
    ...productCases(),
    ...convolutionCases(),
    ...normCases(),
    ...attentionCases(),
    ...pointwiseCases(),
    ...adapterCases(),
  ]
}
