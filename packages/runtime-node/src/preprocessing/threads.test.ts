import { preprocess } from "@lllite/core/image"
import { describe, expect, it } from "vitest"
import { blankImage } from "../images/canvas.ts"
import { startPreprocessing } from "./threads.ts"

const image = blankImage(40, 30, [200, 90, 20])

describe("startPreprocessing", () => {
  it("makes more pictures than it has threads, each as the package does", async () => {
    const threads = startPreprocessing(2)
    const kinds = ["invert", "binary", "threshold", "recolor_luminance", "canny"] as const
    try {
      const made = await Promise.all(kinds.map((kind) => threads.run(image, { kind })))
      expect(made).toEqual(kinds.map((kind) => preprocess(image, { kind })))
    } finally {
      await threads.close()
    }
  })

  it("passes on errors by their class and code, and goes on", async () => {
    const threads = startPreprocessing(1)
    try {
      const wrong = threads.run(image, { kind: "canny", options: { low: -1 } })
      await expect(wrong).rejects.toMatchObject({ name: "CoreError", code: "option-range" })
      expect(await threads.run(image, { kind: "invert" })).toEqual(preprocess(image, { kind: "invert" }))
    } finally {
      await threads.close()
    }
  })

  it("ends work that runs, work that waits, and work that comes later", async () => {
    const threads = startPreprocessing(1)
    const large = blankImage(3000, 3000, [9, 9, 9])
    const blur = { kind: "blur_gaussian", options: { sigma: 64 } } as const
    const works = [threads.run(large, blur), threads.run(image, blur)].map((work) =>
      expect(work).rejects.toMatchObject({ code: "worker-ended" }),
    )
    await threads.close()
    await Promise.all(works)
    await expect(threads.run(image, blur)).rejects.toMatchObject({ code: "worker-ended" })
  })
})
