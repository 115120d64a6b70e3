import { expect, it } from "vitest"
import { passRows } from "./pass-position.ts"

it("the rows of a guided batch are all unconditional ones, then as many conditional ones", () => {
  expect(passRows(2, true)).toEqual([
    { picture: 0, guidance: "uncond" },
    { picture: 1, guidance: "uncond" },
    { picture: 0, guidance: "cond" },
    { picture: 1, guidance: "cond" },
  ])
})

it("the rows of a batch without guidance are conditional", () => {
  expect(passRows(2, false)).toEqual([
    { picture: 0, guidance: "cond" },
    { picture: 1, guidance: "cond" },
  ])
})
