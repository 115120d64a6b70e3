import type { RgbImage } from "@lllite/core/image"
import { type SamplerName, type Seed, seedAfter } from "@lllite/core/names"
import type { TrainDataset } from "@lllite/core/training"
import type { FolderDataset } from "@lllite/runtime-node"
import { readSampleFile } from "./prompt-file.ts"
import type { SampleSettings } from "./sample-settings.ts"

/** A picture to draw, with its control. */
export interface Sample {
  readonly prompt: string
  readonly negativePrompt: string
  /** Pixels. */
  readonly width: number
  readonly height: number
  readonly steps: number
  readonly guidanceScale: number
  readonly seed: Seed
  /** Whether the file of prompts names the seed. The picture's name has it then. */
  readonly namesSeed: boolean
  readonly sampler: SamplerName
  /** It is stretched to the picture's size. */
  readonly control: RgbImage
  /** The file of the control. Null: a pair of the data set, fitted as in training. */
  readonly controlPath: string | null
}

/** Defaults of a sample. Source: sd-scripts `sample_image_inference`, but for the size. */
const DEFAULTS = { steps: 30, guidanceScale: 7.5 } as const

/** The number of pairs that are drawn without a file of prompts. */
const PAIRS = 4

/**
 * The pictures that a run draws: those of the file of prompts, or else some pairs of a data set. A prompt without a seed
 * has one of the run, so that its pictures differ by the training alone.
 *
 * @param pairs the data set that pairs are taken of
 * @throws InputError with all problems of the file of prompts and of its controls
 */
export async function planSamples(
  settings: SampleSettings,
  dataset: Pick<FolderDataset, "sizes">,
  pairs: TrainDataset,
  seed: Seed,
): Promise<{ readonly samples: readonly Sample[]; readonly notices: readonly string[] }> {
  if (settings.prompts === null) return { samples: await samplesOfPairs(pairs, settings, seed), notices: [] }
  const { entries, notices } = await readSampleFile(settings.prompts)
  const size = usualSize(dataset)
  const { sampler } = settings
  const samples = entries.map(
    ({ control = "", picture, ...entry }, index): Sample => ({
      ...{ ...DEFAULTS, ...size, negativePrompt: "", seed: seedAfter(seed, index), sampler },
      ...entry,
      namesSeed: entry.seed !== undefined,
      control: picture,
      controlPath: control,
    }),
  )
  return { samples, notices }
}

/** Some pairs, spread over the data set. Repeats of a pair count once. */
async function samplesOfPairs(
  { count, original = (index) => index, example }: TrainDataset,
  { sampler }: Pick<SampleSettings, "sampler">,
  seed: Seed,
): Promise<readonly Sample[]> {
  const distinct = Array.from({ length: count }, (_, index) => index).filter((index) => original(index) === index)
  const chosen = Array.from(
    { length: Math.min(PAIRS, distinct.length) },
    (_, i) => distinct[Math.floor((i * distinct.length) / Math.min(PAIRS, distinct.length))] ?? 0,
  )
  const samples: Sample[] = []
  for (const [i, index] of chosen.entries()) {
    const { image, control, caption } = await example(index)
    samples.push({
      ...{ ...DEFAULTS, negativePrompt: "", seed: seedAfter(seed, i), namesSeed: false, sampler },
      ...{ prompt: caption, width: image.width, height: image.height, control, controlPath: null },
    })
  }
  return samples
}

/** The size of most examples. */
function usualSize({ sizes }: Pick<FolderDataset, "sizes">): { readonly width: number; readonly height: number } {
  const counts = new Map<string, { readonly width: number; readonly height: number; count: number }>()
  for (const { width, height } of sizes) {
    const found = counts.get(`${width}×${height}`) ?? { width, height, count: 0 }
    found.count += 1
    counts.set(`${width}×${height}`, found)
  }
  const [{ width, height } = { width: 1024, height: 1024 }] = [...counts.values()].sort((a, b) => b.count - a.count)
  return { width, height }
}
