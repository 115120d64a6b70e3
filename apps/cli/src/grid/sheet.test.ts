import { blankImage } from "@lllite/runtime-node"
import { describe, expect, it } from "vitest"
import { gridSheet } from "./sheet.ts"

const red = blankImage(64, 32, [255, 0, 0])
const blue = blankImage(32, 64, [0, 0, 255])

/** The box around all pixels of a colour: left, top, right, bottom. */
function boxOf({ data, width }: ReturnType<typeof gridSheet>, colour: string): readonly number[] {
  const at: [number, number][] = []
  for (let i = 0; i < data.length; i += 3) {
    if (data.subarray(i, i + 3).join() === colour) at.push([(i / 3) % width, Math.floor(i / 3 / width)])
  }
  const [xs, ys] = [at.map(([x]) => x), at.map(([, y]) => y)]
  return [
    Math.min(...xs),
    Math.min(...ys),
    Math.max(...xs) - Math.min(...xs) + 1,
    Math.max(...ys) - Math.min(...ys) + 1,
  ]
}

describe("a sheet", () => {
  it("places pictures of different sizes in its cells, and leaves missing ones empty", () => {
    const sheet = gridSheet({
      title: "t",
      columns: ["a", "b"],
      rows: ["1", "2"],
      images: [
        [red, null],
        [null, blue],
      ],
    })
    const [left = 0, top = 0, ...redSize] = boxOf(sheet, "255,0,0")
    const [blueLeft = 0, blueTop = 0, ...blueSize] = boxOf(sheet, "0,0,255")
    expect([redSize, blueSize]).toEqual([
      [64, 32],
      [32, 64],
    ])
    // A cell has the largest sides.
    expect([blueLeft - left, blueTop - top]).toEqual([70, 70])
  })

  it("wraps labels to the width of a picture, and grows for a long title", () => {
    const labels = gridSheet({ title: "", columns: ["a very long label of a column"], rows: [""], images: [[red]] })
    const short = gridSheet({ title: "", columns: ["a"], rows: [""], images: [[red]] })
    expect(labels.width).toBe(short.width)
    expect(labels.height).toBeGreaterThan(short.height)
    expect(
      gridSheet({ title: "word ".repeat(60), columns: ["a"], rows: [""], images: [[red]] }).height,
    ).toBeGreaterThan(short.height)
  })
})
