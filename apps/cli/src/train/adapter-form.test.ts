import { expect, it } from "vitest"
import { formMetadata, formNotices, formOf } from "./adapter-form.ts"

const widths = { networkDim: 8, condEmbDim: 4 }

it("is plain, or has a shared trunk, and says so in the file and to the user", () => {
  const [own, shared] = [formOf({ ...widths, conditioner: "own" }), formOf({ ...widths, conditioner: "shared" })]
  expect(own).toEqual({ mlpDim: 8, condDim: 4 })
  expect(shared).toEqual({ mlpDim: 8, condDim: 4, sharedTrunk: true })
  expect([...formMetadata([own])]).toEqual([])
  expect([...formMetadata([shared, shared])]).toEqual([["lllite.shared_trunk", "true"]])
  expect(formNotices({ conditioner: "own" }, "--conditioner")).toEqual([])
  expect(formNotices({ conditioner: "shared" }, "--conditioner")).toEqual([
    "Other programs cannot load an LLLite of --conditioner shared. lllite convert --plain writes one that computes the same, which they load.",
  ])
})
