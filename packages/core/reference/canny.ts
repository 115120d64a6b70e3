import { canny } from "../src/control/canny.ts"
import type { GreyImage, RgbImage } from "../src/image.ts"
import { type CaseResult, compareExactly } from "./case.ts"
import { paint, painterOf } from "./pictures.ts"

/** canny.json */
export interface CannyReference {
  readonly cases: readonly {
    readonly picture: string
    readonly size: readonly [height: number, width: number]
    readonly low: number
    readonly high: number
    readonly l2: boolean
    /** A string per row, "1" on an edge. */
    readonly edges: readonly string[]
  }[]
}

/** Compares edges, bit for bit, on pictures that are made from their names. */
export function runCanny(reference: CannyReference): readonly CaseResult[] {
  return reference.cases.map(({ picture, size: [height, width], low, high, l2, edges }) => {
    const name = `canny/${picture.split(":")[0]} ${width}x${height} ${low}-${high}${l2 ? " l2" : ""}`
    const image = painted(picture, width, height)
    if (image === undefined) return { case: name, skipped: `no picture "${picture}"` }
    const ours = Array.from(canny(image, { low, high, l2 }).data, (value) => (value === 255 ? 1 : 0))
    return compareExactly(name, ours, Array.from(edges.join(""), Number))
  })
}

function painted(picture: string, width: number, height: number): GreyImage | RgbImage | undefined {
  // "rgb: disc, soft, stripes as the three channels (…)" names a picture per channel.
  const names = /^rgb: (\w+), (\w+), (\w+) /.exec(picture)?.slice(1) ?? [picture]
  const painters = names.flatMap((name) => painterOf(name, "canny") ?? [])
  return painters.length === names.length ? paint(painters, width, height) : undefined
}
