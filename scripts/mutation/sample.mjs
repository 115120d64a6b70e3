import { createHash } from "node:crypto"

/**
 * Whether a mutant is in a sample. That follows from its place and its change alone, so a larger share holds the mutants
 * of a smaller one, and every run has the same ones.
 *
 * @param share from 0, no mutant, to 1, all of them
 */
export function isInSample(mutant, share = 1) {
  if (share >= 1) return true
  const { fileName, mutatorName, replacement } = mutant
  const { start } = mutant.location
  const file = fileName.replaceAll("\\", "/").replace(/^.*\/(?=packages\/)/, "")
  const key = [file, start.line, start.column, mutatorName, replacement].join(" ")
  return createHash("sha256").update(key).digest().readUInt32BE() < share * 2 ** 32
}

/**
 * The 95 % interval of a share that a sample estimates, by Wilson's score. `from` and `to` are from 0 to 1.
 *
 * Source: Wilson 1927. It needs no correction for the size of the whole, which would make it narrower.
 */
export function interval(found, sampled) {
  if (sampled === 0) return { from: 0, to: 1 }
  const z = 1.959964
  const share = found / sampled
  const centre = (share + z ** 2 / (2 * sampled)) / (1 + z ** 2 / sampled)
  const half = (z / (1 + z ** 2 / sampled)) * Math.sqrt((share * (1 - share)) / sampled + z ** 2 / (4 * sampled ** 2))
  return { from: Math.max(0, centre - half), to: Math.min(1, centre + half) }
}
