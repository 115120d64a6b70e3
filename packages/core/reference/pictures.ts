import type { GreyImage, RgbImage } from "../src/image.ts"
import { u } from "./synthetic.ts"

/* The pictures that the cases of edges and preprocessors share. */

type Painter = (x: number, y: number, width: number, height: number) => number

/** @param group names the noise: `canny`, or the tag and name of another group */
export function painterOf(name: string, group: string): Painter | undefined {
  if (name === "noise") {
    return (x, y, width, height) => Math.floor(((u(`${group}/${height}x${width}`, y * width + x) + 1) / 2) * 256)
  }
  return Object.hasOwn(PAINTERS, name) ? PAINTERS[name] : undefined
}

const PAINTERS: Readonly<Record<string, Painter>> = {
  disc(x, y, width, height) {
    const radius = Math.floor(Math.min(height, width) / 3)
    return (x - Math.floor(width / 2)) ** 2 + (y - Math.floor(height / 2)) ** 2 <= radius ** 2 ? 220 : 30
  },
  stripes: (x, y) => (Math.floor((5 * x + 3 * y) / 16) % 2) * 200 + 20,
  ramp: (x, _y, width) => Math.floor((255 * x) / (width - 1)),
  soft: (x, y) => Math.floor(127.5 + 127.5 * Math.sin(x / 7) * Math.cos(y / 9)),
}

/** A picture with a painter for each channel. */
export function paint(painters: readonly Painter[], width: number, height: number): GreyImage | RgbImage {
  const data = new Uint8Array(width * height * painters.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * painters.length
      for (const [channel, painter] of painters.entries()) data[at + channel] = painter(x, y, width, height)
    }
  }
  return { width, height, data }
}
