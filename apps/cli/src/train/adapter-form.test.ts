import { expect, it } from "vitest"
import { formMetadata, formNotices, formOf } from "./adapter-form.ts"

const plain = { networkDim: 8, condEmbDim: 4, conditioner: "own", llliteCondInChannels: 3 } as const
const shared = { ...plain, conditioner: "shared" } as const
const inpainting = { ...plain, llliteCondInChannels: 4 } as const
const nameOf = (name: string): string => `--${name}`

it("is plain, has a shared trunk, or reads holes, and says so in the file and to the user", () => {
  expect(formOf(plain)).toEqual({ mlpDim: 8, condDim: 4 })
  expect(formOf(shared)).toEqual({ mlpDim: 8, condDim: 4, sharedTrunk: true })
  expect(formOf(inpainting)).toEqual({ mlpDim: 8, condDim: 4, condChannels: 4 })
  expect([...formMetadata([formOf(plain)])]).toEqual([])
  expect([...formMetadata([formOf(shared), formOf(shared)])]).toEqual([["lllite.shared_trunk", "true"]])
  expect([...formMetadata([formOf(inpainting)])]).toEqual([
    ["lllite.cond_in_channels", "4"],
    ["lllite.inpaint_masked_input", "true"],
  ])
  expect(formNotices({ settings: plain, nameOf })).toEqual([])
  expect(formNotices({ settings: shared, nameOf })).toEqual([
    "Other programs cannot load an LLLite of --conditioner shared. lllite convert --plain writes one that computes the same, which they load.",
  ])
  expect(formNotices({ settings: inpainting, nameOf })).toEqual([
    expect.stringContaining("of --llliteCondInChannels 4, and it cannot be made plain"),
  ])
})
