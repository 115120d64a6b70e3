import { describe, expect, it } from "vitest"
import { datasetOfPairs, heldOutDrawing, trainingDrawing } from "./pairs.ts"

describe("drawings", () => {
  it("are the same for the same index, and held-out ones are others", () => {
    expect(trainingDrawing(3)).toEqual(trainingDrawing(3))
    expect(trainingDrawing(3).image.data).not.toEqual(trainingDrawing(4).image.data)
    expect(heldOutDrawing(3).image.data).not.toEqual(trainingDrawing(3).image.data)
  })

  it("are examples with the size of their picture", async () => {
    const { caption } = trainingDrawing(0)
    const image = { width: 3, height: 2, data: new Uint8Array(18) }
    const dataset = datasetOfPairs(2, (index) => ({ name: `pair ${index}`, image, caption, control: image }))
    const size = [2, 3]
    expect(dataset.count).toBe(2)
    expect(await dataset.example(1)).toEqual({
      name: "pair 1",
      image,
      caption,
      control: image,
      size: { original: size, crop: [0, 0], target: size },
    })
  })
})
