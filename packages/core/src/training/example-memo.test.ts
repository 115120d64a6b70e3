import { describe, expect, it } from "vitest"
import type { CachedExample } from "./dataset.ts"
import { createExampleMemo } from "./example-memo.ts"

const example = (): CachedExample => ({
  ...{ width: 1, height: 1, latents: new Float32Array(), context: new Float32Array(), vector: new Float32Array() },
  control: { width: 1, height: 1, data: new Uint8Array(3) },
})

/** Makes lists of 4 values, which are 16 bytes, and counts the calls. */
function counting() {
  const made: string[] = []
  const make = (name: string) => (): Float32Array => {
    made.push(name)
    return new Float32Array(4)
  }
  return { made, make }
}

describe("a memo of examples", () => {
  it("makes each value of each example once", () => {
    const { made, make } = counting()
    const memo = createExampleMemo()
    const [a, b] = [example(), example()]
    const first = memo.of(a, "patches", make("a"))
    memo.of(b, "patches", make("b"))
    memo.of(a, "edges", make("edges of a"))
    expect(memo.of(a, "patches", make("a again"))).toBe(first)
    expect(made).toEqual(["a", "b", "edges of a"])
  })

  it("keeps nothing of an example that comes once", () => {
    const { made, make } = counting()
    const memo = createExampleMemo(16)
    const [once, kept] = [
      { ...example(), key: null },
      { ...example(), key: "kept" },
    ]
    const first = memo.of(kept, "x", make("kept"))
    expect(memo.of(once, "x", make("once"))).toHaveLength(4)
    memo.of(once, "x", make("once again"))
    expect(memo.of(kept, "x", make("kept again"))).toBe(first)
    expect(made).toEqual(["kept", "once", "once again"])
  })

  it("holds no more than its bytes, and removes the least recently used values", () => {
    const { made, make } = counting()
    const memo = createExampleMemo(32)
    const [a, b, c] = [example(), example(), example()]
    memo.of(a, "x", make("a"))
    memo.of(b, "x", make("b"))
    memo.of(a, "x", make("a"))
    memo.of(c, "x", make("c"))
    memo.of(a, "x", make("a"))
    memo.of(b, "x", make("b"))
    expect(made).toEqual(["a", "b", "c", "b"])
  })

  it("keeps no value that is larger than the whole memo", () => {
    const { made, make } = counting()
    const memo = createExampleMemo(15)
    const a = example()
    memo.of(a, "x", make("a"))
    memo.of(a, "x", make("a"))
    expect(made).toEqual(["a", "a"])
  })
})
