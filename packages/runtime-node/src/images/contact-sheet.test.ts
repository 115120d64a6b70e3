import { describe, expect, it } from "vitest"
import { blankImage, drawText, overlayEdges } from "./canvas.ts"
import { contactSheet } from "./contact-sheet.ts"

const red = blankImage(8, 8, [255, 0, 0])
const blue = blankImage(8, 8, [0, 0, 255])
const count = (data: Uint8Array, colour: readonly number[]): number => {
  let found = 0
  for (let i = 0; i < data.length; i += 3) if (colour.every((value, j) => data[i + j] === value)) found += 1
  return found
}

describe("contactSheet", () => {
  it("shows every picture whole and once", () => {
    const rows = Array.from({ length: 5 }, () => ({ images: [red, blue], caption: "a pair" }))
    const sheet = contactSheet({ title: "T", columns: ["one", "two"], rows, across: 2 })
    expect(sheet.data.length).toBe(sheet.width * sheet.height * 3)
    expect(count(sheet.data, [255, 0, 0])).toBe(5 * 64)
    expect(count(sheet.data, [0, 0, 255])).toBe(5 * 64)
  })

  it("refuses rows that do not fit the columns", () => {
    const options = { title: "T", columns: ["one", "two"] }
    expect(() => contactSheet({ ...options, rows: [{ images: [red], caption: "" }] })).toThrow(/expected 2 of 8 x 8/)
    const small = blankImage(4, 8, [0, 0, 0])
    expect(() => contactSheet({ ...options, rows: [{ images: [red, small], caption: "" }] })).toThrow(/one of 4 x 8/)
    expect(() => contactSheet({ ...options, rows: [] })).toThrow(/no picture/)
  })
})

it("draws letters dot by dot, scaled", () => {
  const paper = blankImage(12, 14, [255, 255, 255])
  drawText(paper, "l", { left: 0, top: 0, scale: 2, colour: [0, 0, 0] })
  // An L: a stroke of seven dots and a foot of four more, four pixels each.
  expect(count(paper.data, [0, 0, 0])).toBe(11 * 4)
})

it("cuts letters off at the border", () => {
  const paper = blankImage(7, 7, [255, 255, 255])
  drawText(paper, "LLL", { left: 0, top: 0, scale: 1, colour: [0, 0, 0] })
  expect(count(paper.data, [0, 0, 0])).toBe(11 + 7)
})

it("draws edges over a copy of a picture", () => {
  const edges = { width: 8, height: 8, data: new Uint8Array(64) }
  edges.data.fill(255, 0, 3)
  expect(count(overlayEdges(red, edges, [0, 255, 0]).data, [0, 255, 0])).toBe(3)
  expect(count(red.data, [255, 0, 0])).toBe(64)
})
