import type { NoiseOptions } from "@lllite/core/training"
import type { OptionReader } from "@lllite/runtime-node/options"
import type { TRAIN_OPTIONS } from "./options/index.ts"

type TrainReader = OptionReader<typeof TRAIN_OPTIONS>

/** The noise of a run, and the options that have no effect on it. */
export interface NoisePlan {
  readonly noise: NoiseOptions
  readonly notices: readonly string[]
}

/** Each option that acts through another one, with that one. The numbers are defaults, which ask for nothing. */
const NEEDS = [
  ["noiseOffsetRandomStrength", "noiseOffset", false],
  ["multiresNoiseDiscount", "multiresNoiseIterations", 0.3],
  ["ipNoiseGammaRandomStrength", "ipNoiseGamma", false],
] as const

/** Reads the options of noise. The reader keeps the problems. */
export function readNoise({ settings, check, isGiven, nameOf }: TrainReader): NoisePlan {
  const { noiseOffset: offset, adaptiveNoiseScale: adaptiveOffset, ipNoiseGamma: inputPerturbation } = settings
  const { multiresNoiseIterations: iterations, multiresNoiseDiscount: discount } = settings
  check(["adaptiveNoiseScale", "noiseOffset"], () =>
    adaptiveOffset !== undefined && offset === undefined
      ? `${nameOf("adaptiveNoiseScale")} needs ${nameOf("noiseOffset")}. Give both, or none`
      : null,
  )
  const notices = NEEDS.filter(
    ([name, needed, usual]) => isGiven(name) && settings[name] !== usual && settings[needed] === undefined,
  ).map(([name, needed]) => `${nameOf(name)} has no effect: ${nameOf(needed)} is not given.`)
  return {
    noise: {
      ...(offset === undefined ? {} : { offset, randomOffset: settings.noiseOffsetRandomStrength }),
      ...(adaptiveOffset === undefined ? {} : { adaptiveOffset }),
      ...(iterations === undefined ? {} : { multires: { iterations, discount } }),
      ...(inputPerturbation === undefined
        ? {}
        : { inputPerturbation, randomInputPerturbation: settings.ipNoiseGammaRandomStrength }),
    },
    notices,
  }
}
