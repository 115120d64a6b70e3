import { createBuckets, type Size } from "../src/training/buckets.ts"
import { type CaseResult, compareExactly } from "./case.ts"

/** buckets.json */
export interface BucketsReference {
  readonly configs: readonly {
    readonly noUpscale: boolean
    readonly maxReso: Size
    readonly minSize: number
    readonly maxSize: number
    readonly steps: number
    readonly predefined: readonly Size[]
    readonly rows: readonly { readonly image: Size; readonly bucket: Size; readonly resized: Size }[]
  }[]
}

/** Compares the bucket and the resized size of every picture, under every configuration. */
export function runBuckets(reference: BucketsReference): readonly CaseResult[] {
  return reference.configs.flatMap((config, number) => {
    const { noUpscale, maxReso: resolution, minSize, maxSize, steps: step } = config
    const buckets = createBuckets(noUpscale ? { resolution, step, noUpscale } : { resolution, step, minSize, maxSize })
    const ours = config.rows.map(({ image }) => buckets.choose(image))
    const flatten = (rows: readonly { readonly bucket: Size; readonly resized: Size }[]): readonly number[] =>
      rows.flatMap(({ bucket, resized }) => [...bucket, ...resized])
    return [
      compareExactly(`buckets/${number} sizes`, buckets.sizes.flat(), config.predefined.flat()),
      compareExactly(`buckets/${number} choices`, flatten(ours), flatten(config.rows)),
    ]
  })
}
