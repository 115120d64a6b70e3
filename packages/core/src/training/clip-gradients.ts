import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"

/**
 * Scales gradients in place so that their common Euclidean norm is at most `maxNorm`.
 *
 * Source: `torch.nn.utils.clip_grad_norm_`, with its 1e-6 in the denominator.
 *
 * @returns the norm before clipping. If it is not finite, nothing is changed, and the caller should skip the update.
 * @throws CoreError when maxNorm is not above 0.
 */
export function clipGradients(gradients: Iterable<Float32Array>, maxNorm: number): number {
  checkArgument("clipGradients: maxNorm", maxNorm, "a number")
  if (!(maxNorm > 0)) throw new CoreError("option-range", `clipGradients: maxNorm must be above 0, got ${maxNorm}`)
  if (typeof gradients?.[Symbol.iterator] !== "function")
    checkArgument("clipGradients: the gradients", gradients, "a list")
  const arrays = [...gradients]
  for (const array of arrays) checkArgument("clipGradients: a gradient", array, "a list of numbers")
  let squares = 0
  for (const array of arrays) for (let i = 0; i < array.length; i++) squares += (array[i] as number) ** 2
  const norm = Math.sqrt(squares)
  const factor = maxNorm / (norm + 1e-6)
  if (!Number.isFinite(norm) || factor >= 1) return norm
  for (const array of arrays) for (let i = 0; i < array.length; i++) array[i] = (array[i] as number) * factor
  return norm
}
