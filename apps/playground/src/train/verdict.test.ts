import { heldOutDrawing } from "@lllite/tiny"
import { expect, it } from "vitest"
import { english } from "../language/english/index.ts"
import { japanese } from "../language/japanese/index.ts"
import { blank } from "../pictures/canvas-image.ts"
import { madeControl } from "../pictures/control-kinds.ts"
import { judge } from "./verdict.ts"

const drawings = [1, 2, 3].map((index) => heldOutDrawing(index).image)
const others = [4, 5, 6].map((index) => heldOutDrawing(index).image)
const heldOut = (kind: "canny" | "blur_gaussian") =>
  drawings.map((image) => ({ caption: "", image, control: madeControl(image, kind) }))

it.each(["canny", "blur_gaussian"] as const)("calls it following where pictures have the control of %s", (kind) => {
  const follows = judge(heldOut(kind), { with: drawings, without: others })
  expect(follows).toMatchObject({ follows: true, count: 3 })
  expect(follows?.measure).toBe(kind === "canny" ? "edges" : "brightness")
  const other = judge(heldOut(kind), { with: others.toReversed(), without: others })
  expect(other?.follows).toBe(false)
})

it("does not call an improvement of a tenth following", () => {
  const [first] = drawings
  const [one, two, three] = others
  if (first === undefined || one === undefined || two === undefined || three === undefined)
    throw new Error("no drawing")
  // One of three follows.
  expect(judge(heldOut("canny"), { with: [first, two, three], without: [one, two, three] })?.follows).toBe(false)
})

it("gives no verdict where pictures without an LLLite follow as well", () => {
  expect(judge(heldOut("canny"), { with: drawings, without: drawings })).toBeNull()
  expect(
    judge([{ caption: "", image: blank(32), control: blank(32) }], { with: [blank(32)], without: [blank(32)] }),
  ).toBeNull()
})

it("says both figures", () => {
  const verdict = { measure: "edges", with: 0.984, without: 0.2 } as const
  expect(english.train.follows(120, verdict, false)).toContain("it follows edges 0.98, without 0.20.")
  const low = { ...verdict, with: 0.3 }
  expect(english.train.doesNotFollow(9, low, false)).toMatch(
    /does not follow edges 0\.30, without 0\.20\. It is not ready, and not chosen/,
  )
  expect(english.train.doesNotFollow(9, low, true)).not.toContain("not chosen")
  expect(japanese.train.follows(120, verdict, true)).toContain("エッジ 0.98（なしでは 0.20）")
})
