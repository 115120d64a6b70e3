import { openSafetensors, readLllite } from "@lllite/format"
import { serializeSafetensors } from "@lllite/format/write"
import { beforeAll, describe, expect, it } from "vitest"
import { smallLllite } from "../../../../../packages/format/test/lllite-file.ts"
import { inEnglish } from "../../../test/words.ts"
import { type EditResult, type EditTask, editFile } from "./edit-file.ts"

describe("editFile", () => {
  let small: File
  beforeAll(async () => {
    small = new File([await smallLllite()], "small.safetensors")
  })
  const edited = async (task: EditTask): Promise<Extract<EditResult, { readonly kind: "file" }>> => {
    const result = await editFile(task, () => {})
    if (result.kind !== "file") throw new Error("expected a file")
    return result
  }

  it("converts every tensor, says how many, and reports each", async () => {
    const done: number[] = []
    const result = await editFile({ kind: "convert", file: small, dtype: "BF16" }, (part) => done.push(part))
    if (result.kind !== "file") throw new Error("expected a file")
    const { tensors } = await openSafetensors(result.blob)
    expect(new Set([...tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(["BF16"]))
    expect(result.name).toBe("small-bf16.safetensors")
    expect(inEnglish(result.notices)).toEqual([`${tensors.size} of ${tensors.size} tensors are BF16 now.`])
    expect(done.at(-1)).toBe(tensors.size)
  })

  it("widens an LLLite without a change", async () => {
    const { sites } = await readLllite(small)
    const [{ condDim, mlpDim } = { condDim: 0, mlpDim: 0 }] = sites
    const wide = await edited({ kind: "resize", file: small, condDim, mlpDim: mlpDim + 2 })
    expect(inEnglish(wide.notices)).toEqual(["It computes the same as the file."])
    expect((await readLllite(wide.blob)).sites[0]?.mlpDim).toBe(mlpDim + 2)
  })

  it("merges with weights, and compares", async () => {
    const merged = await edited({ kind: "merge", files: [small, small], weights: [0.25, 0.75] })
    expect(inEnglish(merged.notices)).toEqual(["It is 0.25 × small.safetensors + 0.75 × small.safetensors."])
    const same = await editFile({ kind: "diff", files: [small, new File([small], "copy.safetensors")] }, () => {})
    expect(same).toMatchObject({
      kind: "diff",
      names: ["small.safetensors", "copy.safetensors"],
      difference: { isSame: true },
    })
    const doubled = await edited({ kind: "merge", files: [small, small], weights: [1, 1] })
    const other = await editFile({ kind: "diff", files: [small, new File([doubled.blob], "double")] }, () => {})
    if (other.kind !== "diff") throw new Error("expected a difference")
    const { difference } = other
    expect(difference.isSame).toBe(false)
    expect(difference.sites).toHaveLength(difference.count)
    for (const { relative, cosine } of difference.sites) {
      expect(relative).toBeCloseTo(1)
      expect(cosine).toBeCloseTo(1)
    }
    expect(difference.metadata.map(({ key }) => key)).toContain("modelspec.merged_from")
  })

  it("names the file that is not an LLLite", async () => {
    const other = new File(
      [serializeSafetensors(new Map([["x", { dtype: "F32", shape: [1], bytes: new Uint8Array(4) }]]))],
      "other.safetensors",
    )
    await expect(editFile({ kind: "diff", files: [small, other] }, () => {})).rejects.toThrow(/other\.safetensors/)
  })
})
