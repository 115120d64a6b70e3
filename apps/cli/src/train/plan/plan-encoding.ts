import type { Seed } from "@lllite/core/names"
import { frequentTexts } from "@lllite/core/training"
import type { TrainingSet } from "../validation/hold-out.ts"

/** What is encoded. A smaller picture counts by its share of the largest one's pixels. */
export interface Encodings {
  readonly texts: number
  readonly pictures: number
}

/** What a run encodes of its training pairs. */
export interface EncodingPlan {
  /** Before the first step. */
  readonly before: Encodings
  /** In a step, for each of its rows: the mean of all examples. */
  readonly perRow: Encodings
}

interface EncodingOptions {
  /** Seed of the captions that change. */
  readonly seed: Seed
  /** Whether the LLLite reads latents of controls. */
  readonly readsControlLatents: boolean
  readonly signal: AbortSignal
}

/**
 * Counts what a run encodes, if there is room for what it keeps. Before the first step that is each caption once, and
 * pictures that do not vary, once for each way that they are shown. Files that are there already are left out. Pictures
 * that vary, captions that change and streamed pairs are encoded in their steps.
 *
 * @throws the signal's reason when aborted
 */
export async function planEncoding(
  dataset: TrainingSet,
  { seed, readsControlLatents, signal }: EncodingOptions,
): Promise<EncodingPlan> {
  const { sizes, latents, texts: textFiles } = dataset
  const largest = Math.max(1, ...new Set(sizes.map(({ width, height }) => width * height)))
  const controls = readsControlLatents ? 1 : 0
  const captions = new Set<string>()
  const before = { texts: 0, pictures: 0 }
  const inSteps = { texts: 0, pictures: 0 }
  for (const [index, { width, height }] of sizes.entries()) {
    const share = (width * height) / largest
    const isStreamed = dataset.isStreamed?.(index) ?? false
    const { flips, varies } = dataset.augmentation?.(index) ?? { flips: false, varies: false }
    const ruled = dataset.changingCaption?.(index) ?? null
    const frequent = ruled === null ? [] : frequentTexts(ruled, seed, index)
    // An empty caption is one of dropout. The others of the example are then drawn in its steps.
    const isDrawn = ruled !== null && frequent.every((text) => text === "")
    if (isStreamed || varies) inSteps.pictures += share * (1 + controls)
    if (isStreamed || isDrawn) inSteps.texts += 1
    if (isStreamed || (dataset.original?.(index) ?? index) !== index) continue
    signal.throwIfAborted()
    if (ruled !== null) for (const text of frequent) captions.add(text)
    else if (textFiles === undefined) captions.add(dataset.captionOf?.(index) ?? `the caption of example ${index}`)
    else if (!(await textFiles.has(index))) before.texts += 1
    if (varies) continue
    const isStored = latents !== undefined && (await latents.has(index))
    before.pictures += share * (flips ? 2 : 1) * ((isStored ? 0 : 1) + controls)
  }
  const rows = Math.max(1, sizes.length)
  return {
    before: { ...before, texts: before.texts + captions.size },
    perRow: { texts: inSteps.texts / rows, pictures: inSteps.pictures / rows },
  }
}
