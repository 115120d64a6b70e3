import { canny } from "../src/control/canny.ts"
import type { GreyImage, RgbImage } from "../src/image.ts"
import { type CaseResult, compareExactly } from "./case.ts"
import { u } from "./synthetic.ts"

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
    const image = paint(picture, width, height)
    if (image === undefined) return { case: name, skipped: `no picture "${picture}"` }
    const ours = Array.from(canny(image, { low, high, l2 }).data, (value) => (value === 255 ? 1 : 0))
    return compareExactly(name, ours, Array.from(edges.join(""), Number))
  })
}

type Painter = (x: number, y: number, width: number, height: number) => number

/** The test pictures, as canny.json describes them. */
const PAINTERS: Readonly<Record<string, Painter>> = {
  disc(x, y, width, height) {
    const radius = Math.floor(Math.min(height, width) / 3)
    return (x - Math.floor(width / 2)) ** 2 + (y - Math.floor(height / 2)) ** 2 <= radius ** 2 ? 220 : 30
  },
  stripes: (x, y) => (Math.floor((5 * x + 3 * y) / 16) % 2) * 200 + 20,
  ramp: (x, _y, width) => Math.floor((255 * x) / (width - 1)),
  noise: (x, y, width, height) => Math.floor(((u(`canny/${height}x${width}`, y * width + x) + 1) / 2) * 256),
  soft: (x, y) => Math.floor(127.5 + 127.5 * Math.sin(x / 7) * Math.cos(y / 9)),
}

function paint(picture: string, width: number, height: number): GreyImage | RgbImage | undefined {
  // "rgb: disc, soft, stripes as the three channels (…)" names a picture per channel.
  const names = /^rgb: (\w+), (\w+), (\w+) /.exec(picture)?.slice(1) ?? [picture]
  if (!names.every((name) => Object.hasOwn(PAINTERS, name))) return undefined
  const painters = names.map((name) => PAINTERS[name] as Painter)
  const data = new Uint8Array(width * height * painters.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * painters.length
      for (const [channel, painter] of painters.entries()) data[at + channel] = painter(x, y, width, height)
    }
  }
  return { width, height, data }
}
