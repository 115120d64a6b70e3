import type { TrainingSet } from "../validation/hold-out.ts"

/** A data set of pairs of 1024 x 1024 px with captions of their own. No example can be read. */
export function setOf(count: number, more: Partial<TrainingSet> = {}): TrainingSet {
  const example = () => Promise.reject(new Error("no example is read"))
  return {
    ...{
      count,
      pictures: count,
      batchSize: 1,
      groups: [],
      notices: [],
      captionRules: [],
      changingCaptions: 0,
      augmentations: "",
    },
    ...{ sizes: Array.from({ length: count }, () => ({ width: 1024, height: 1024 })), heldOut: null, example },
    captionOf: (index) => `caption ${index}`,
    ...more,
  }
}
