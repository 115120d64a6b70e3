import { greyToRgb, type RgbImage } from "@lllite/core/image"
import type { LlliteModel } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { drawHole } from "@lllite/core/training"
import type { NodeRuntime, SdxlHandle } from "@lllite/runtime-node"
import type { Sample } from "./sample-plan.ts"

/** The runtime and the model that draw. */
export interface SampleMachine {
  readonly runtime: Pick<NodeRuntime, "loadAdapter">
  readonly sdxl: SdxlHandle
}

/** How the drawing is watched. */
export interface DrawOptions {
  readonly signal: AbortSignal
  /** Pictures done, with fractions, and all pictures. */
  readonly onProgress: (done: number, count: number) => void
  readonly onNotice: (text: string) => void
}

/**
 * Draws samples. Drawing changes nothing of a training: its random numbers follow from the run's seed, the step and the
 * row alone. An LLLite for inpainting gets a hole for each sample, which follows from the seed of its picture.
 *
 * @param lllite null draws them without an LLLite
 * @returns a picture for each sample, in their order
 * @throws CoreError; the signal's reason when aborted
 */
export async function drawSamples(
  { runtime, sdxl }: SampleMachine,
  samples: readonly Sample[],
  lllite: LlliteModel | null,
  { signal, onProgress, onNotice }: DrawOptions,
): Promise<readonly RgbImage[]> {
  const adapter = lllite === null ? null : await runtime.loadAdapter(lllite, sdxl)
  const readsHole = lllite?.adapters.some(({ condChannels }) => condChannels === 4) === true
  const images: RgbImage[] = []
  let before = 0
  try {
    for (const group of groupsOf(samples)) {
      const [first] = group
      if (first === undefined) continue
      const { width, height, steps, guidanceScale, sampler } = first.sample
      const control = group.map(({ sample }) => sample.control)
      const run = sdxl.generate(
        group.map(({ sample: { prompt, negativePrompt, seed } }) => ({ prompt, negativePrompt, seed })),
        {
          ...{ width, height, steps, guidanceScale, sampler, signal },
          adapters:
            adapter === null
              ? []
              : [
                  {
                    ...{ adapter, control, fit: "stretch" },
                    ...(readsHole ? { hole: group.map(({ sample }) => holeOf(sample)) } : {}),
                  },
                ],
        },
      )
      for await (const event of run) {
        if (event.kind === "step") onProgress(before + event.done, samples.length)
        else if (event.kind === "notice") onNotice(event.text)
        else if (event.kind === "image") images[group[event.index]?.index ?? 0] = event.image
      }
      before += group.length
    }
    return images
  } finally {
    await adapter?.dispose()
  }
}

function holeOf({ width, height, seed }: Sample): RgbImage {
  return greyToRgb(drawHole({ width, height }, createStream(seed, "hole of a sample"), {}))
}

interface Indexed {
  readonly sample: Sample
  readonly index: number
}

/** Samples with the same options are drawn together. */
function groupsOf(samples: readonly Sample[]): readonly (readonly Indexed[])[] {
  const groups = new Map<string, Indexed[]>()
  for (const [index, sample] of samples.entries()) {
    const { width, height, steps, guidanceScale, sampler } = sample
    const key = JSON.stringify([width, height, steps, guidanceScale, sampler])
    const group = groups.get(key) ?? []
    group.push({ sample, index })
    groups.set(key, group)
  }
  return [...groups.values()]
}
