import { describe, expect, it } from "vitest"
import type { RgbImage } from "../image.ts"
import { resizeImage, trainingKernel } from "./resize.ts"

const grey = (width: number, height: number, value: (x: number, y: number) => number): RgbImage => {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) data.fill(value(i % width, Math.floor(i / width)), 3 * i, 3 * i + 3)
  return { width, height, data }
}
const redOf = ({ data }: RgbImage): number[] => [...data].filter((_, i) => i % 3 === 0)

describe("resizeImage", () => {
  it("keeps a flat picture flat", () => {
    for (const kernel of ["area", "lanczos", "box", "linear", "cubic", "nearest-exact"] as const) {
      for (const [width, height] of [
        [3, 5],
        [17, 9],
        [40, 2],
      ] as const) {
        const resized = resizeImage(
          grey(16, 8, () => 77),
          width,
          height,
          kernel,
        )
        expect(resized).toMatchObject({ width, height })
        expect(new Set(resized.data)).toEqual(new Set([77]))
      }
    }
  })

  it("takes the exact mean of what an area covers, shared pixels included", () => {
    const row = grey(3, 1, (x) => [0, 90, 240][x] ?? 0)
    // 1.5 pixels each: (0 + 45) / 1.5 and (45 + 240) / 1.5
    expect(redOf(resizeImage(row, 2, 1, "area"))).toEqual([30, 190])
  })

  it("agrees with PIL's Lanczos", () => {
    // Image.fromarray(…, "L").resize(size, Image.LANCZOS), Pillow 13
    const row = grey(8, 1, (x) => x * x * 5)
    expect(redOf(resizeImage(row, 4, 1, "lanczos"))).toEqual([2, 29, 103, 211])
    expect(redOf(resizeImage(row, 12, 1, "lanczos"))).toEqual([0, 1, 7, 17, 31, 50, 74, 101, 132, 167, 220, 249])
  })

  it.each([
    ["linear", [4, 63, 191], [3, 33, 103, 213], [0, 3, 7, 18, 33, 51, 74, 103, 134, 171, 213, 245]],
    ["cubic", [3, 61, 194], [1, 31, 101, 218], [0, 1, 7, 16, 31, 51, 72, 101, 136, 167, 218, 251]],
    ["nearest-exact", [5, 80, 180], [5, 45, 125, 245], [0, 5, 5, 20, 45, 45, 80, 125, 125, 180, 245, 245]],
    ["box", [8, 63, 183], [3, 33, 103, 213], [0, 5, 5, 20, 45, 45, 80, 125, 125, 180, 245, 245]],
  ] as const)("agrees with OpenCV, and for box with PIL: %s", (kernel, ...expected) => {
    // cv2.resize of OpenCV 4.10 on x86 for eight such rows, and Image.resize of Pillow 13
    const row = grey(8, 1, (x) => x * x * 5)
    expect([3, 4, 12].map((width) => redOf(resizeImage(row, width, 1, kernel)))).toEqual(expected)
  })

  it("keeps channels and axes apart", () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(10, 20, 30, 200, 100, 0) }
    expect([...resizeImage(image, 2, 2, "area").data]).toEqual([10, 20, 30, 200, 100, 0, 10, 20, 30, 200, 100, 0])
  })

  it.each(["area", "lanczos", "cubic", "nearest-exact"] as const)(
    "does to columns what it does to rows, with %s",
    (kernel) => {
      const value = (x: number, y: number): number => x * x * 5 + y * 7
      const lying = resizeImage(grey(7, 4, value), 5, 6, kernel)
      const standing = resizeImage(
        grey(4, 7, (x, y) => value(y, x)),
        6,
        5,
        kernel,
      )
      const reds = redOf(standing)
      expect(redOf(lying)).toEqual(Array.from({ length: 30 }, (_, i) => reds[(i % 5) * 6 + Math.floor(i / 5)]))
    },
  )

  it.each([0, -1, 1.5, Number.NaN])("refuses a side of %s", (side) => {
    expect(() =>
      resizeImage(
        grey(2, 2, () => 0),
        side,
        2,
        "area",
      ),
    ).toThrow(/positive integers/)
  })
})

it("takes the area only when neither side grows", () => {
  expect(trainingKernel({ width: 100, height: 50 }, 100, 40)).toBe("area")
  expect(trainingKernel({ width: 100, height: 50 }, 90, 51)).toBe("lanczos")
})
