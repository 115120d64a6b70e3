import { CoreError } from "../errors.ts"
import type { TrainDataset } from "./dataset.ts"

/** The index of the first example that is the same as this one. */
export function originalOf({ original = (same) => same }: Pick<TrainDataset, "original">, index: number): number {
  return original(index)
}

/** @throws CoreError when `original` of a data set gives no earlier index, or one that is not the first */
export function checkOriginals(dataset: Pick<TrainDataset, "count" | "original">): void {
  if (dataset.original === undefined) return
  for (let index = 0; index < dataset.count; index++) {
    const first = originalOf(dataset, index)
    if (first === index || (first < index && first >= 0 && originalOf(dataset, first) === first)) continue
    throw new CoreError(
      "index-range",
      `training: the original of example ${index} is ${first}, expected ${index} or the first index of the same example.`,
    )
  }
}
