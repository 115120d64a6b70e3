import { expect, it } from "vitest"
import { addDrawings, endAdding, pairs } from "./train-state.ts"

it("adds no drawing after all were removed, and adds again when that is wanted", async () => {
  const adding = addDrawings()
  await expect.poll(() => pairs.value.length).toBeGreaterThan(0)
  endAdding()
  pairs.value = []
  await adding
  expect(pairs.value).toEqual([])
  await addDrawings()
  expect(pairs.value.map(({ name }) => name)).toContain("drawing 16")
  expect(pairs.value).toHaveLength(16)
})
