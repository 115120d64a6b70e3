import { describe, expect, it } from "vitest"
import { madeTogether } from "./made-together.ts"

describe("madeTogether", () => {
  const disposed: string[] = []
  const held = (name: string): { readonly name: string; dispose(): void } => ({
    name,
    dispose: () => void disposed.push(name),
  })

  it("gives the result, and disposes every value when it is asked to", () => {
    disposed.length = 0
    const { made, dispose } = madeTogether((keep) => [keep(held("a")), keep(held("b"))].map(({ name }) => name))
    expect(made).toEqual(["a", "b"])
    expect(disposed).toEqual([])
    dispose()
    expect(disposed).toEqual(["a", "b"])
  })

  it("disposes what was made before one that fails", () => {
    disposed.length = 0
    const work = (): unknown =>
      madeTogether((keep) => {
        keep(held("a"))
        throw new Error("no memory")
      })
    expect(work).toThrow("no memory")
    expect(disposed).toEqual(["a"])
  })
})
