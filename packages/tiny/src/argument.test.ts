import { expect, test } from "vitest"
import * as tiny from "./index.ts"
import { drawScene, findShapes } from "./index.ts"

const first: Readonly<Record<string, (...args: never) => unknown>> = {
  captionOf: tiny.captionOf,
  curvePaths: tiny.curvePaths,
  distanceToShape: tiny.distanceToShape,
  drawScene,
  findShapes,
  judge: tiny.judge,
  parseCaption: tiny.parseCaption,
  runningMean: tiny.runningMean,
}

test.each(Object.entries(first))("%s says what it expected", (_, run) => {
  for (const wrong of [undefined, null, 7, {}, Promise.resolve({})]) {
    expect(() => (run as (argument: unknown) => unknown)(wrong), String(wrong)).toThrow(/ is .+, expected /)
  }
})

test("a colour that is not of the palette is named", () => {
  const scene = {
    shapes: [{ kind: "star", colour: "toString", size: "small", x: 0.5, y: 0.5, radius: 0.1, rotation: 0 }],
  }
  expect(() => drawScene(scene as never)).toThrow(
    "drawScene: the colour of a shape is toString, expected one of the palette",
  )
})
