import { expect, it, vi } from "vitest"
import { readTokenizer } from "./checkpoint.ts"

const createTokenizer = vi.hoisted(() => vi.fn())
vi.mock("@lllite/core/models", async (original) => {
  const models = await original<typeof import("@lllite/core/models")>()
  createTokenizer.mockImplementation(models.createTokenizer)
  return { ...models, createTokenizer }
})

it("lays out the table of the tokenizer at its first use, and once", async () => {
  const [one, other] = [await readTokenizer(), await readTokenizer()]
  expect(createTokenizer).not.toHaveBeenCalled()
  expect(one.encode("a red star")).toEqual([320, 736, 1565])
  expect(other).toMatchObject({ startId: 49406, endId: 49407, vocabularySize: 49408 })
  expect(createTokenizer).toHaveBeenCalledOnce()
})
