import { expect, it } from "vitest"
import { previewCaptions } from "./caption-preview.ts"

const ruled = (caption: string) => ({ caption, rules: { shuffle: true, keepTokens: 1 } })
const plan = { perEpoch: 2, steps: 10 }

it("shows what the first changing caption becomes", () => {
  const dataset = {
    count: 3,
    changingCaptions: 2,
    changingCaption: (index: number) => (index === 0 ? null : ruled("red, a, b, c, d")),
  }
  const preview = previewCaptions(dataset, 0, plan)
  expect(preview).toMatchObject({ pictures: 2, caption: "red, a, b, c, d" })
  expect(preview?.texts).toHaveLength(3)
  for (const text of preview?.texts ?? []) expect(text).toMatch(/^red, (?:[a-d](?:, |$)){4}$/)
  expect(preview?.text).toContain(
    'The captions of 2 pictures change from step to step. "red, a, b, c, d" may become "red',
  )
  expect(previewCaptions(dataset, 0, plan)).toEqual(preview)
})

it("shows a caption whose texts differ before one whose texts are equal", () => {
  const captions = ["red", "a, b, c, d", "e, f, g, h"]
  const changingCaption = (index: number) => ruled(captions[index] ?? "")
  const dataset = { count: 3, changingCaptions: 3, changingCaption }
  expect(previewCaptions(dataset, 0, plan)?.caption).toBe("a, b, c, d")
  expect(previewCaptions({ ...dataset, count: 1 }, 0, plan)?.texts).toEqual(["red", "red", "red"])
})

it("follows epochs, and shows no control characters", () => {
  const dataset = {
    ...{ count: 1, changingCaptions: 1 },
    changingCaption: () => ({ caption: "a\u001b[2J", rules: { dropoutEveryNEpochs: 2 } }),
  }
  const preview = previewCaptions(dataset, 0, plan)
  expect(preview?.texts).toEqual(["a\u001b[2J", "a\u001b[2J", ""])
  expect(preview?.text).toContain('The caption of one picture changes from step to step. "a\\u001b[2J" may become')
})

it("is not there for captions that stay", () => {
  expect(previewCaptions({ count: 2, changingCaptions: 0, changingCaption: () => null }, 0, plan)).toBeNull()
})
