import { expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { checkForm, formMetadata, formNotices, formOf } from "./adapter-form.ts"
import { TRAIN_OPTIONS } from "./options/index.ts"

const plain = {
  ...({ networkDim: 8, condEmbDim: 4, conditioner: "own" } as const),
  ...({ llliteCondInChannels: 3, llliteCondInput: "pixel" } as const),
}
const shared = { ...plain, conditioner: "shared" } as const
const latent = { ...plain, llliteCondInput: "latent" } as const
const inpainting = { ...plain, llliteCondInChannels: 4 } as const
const nameOf = (name: string): string => `--${name}`

it("is plain, has a shared trunk, or reads holes or latents, and says so in the file and to the user", () => {
  expect(formOf(plain)).toEqual({ mlpDim: 8, condDim: 4 })
  expect(formOf(shared)).toEqual({ mlpDim: 8, condDim: 4, sharedTrunk: true })
  expect(formOf(inpainting)).toEqual({ mlpDim: 8, condDim: 4, condChannels: 4 })
  expect(formOf(latent)).toEqual({ mlpDim: 8, condDim: 4, condInput: "latent" })
  expect(formOf({ ...latent, llliteCondInChannels: 4 })).toEqual(formOf(inpainting))
  expect([...formMetadata([formOf(plain)])]).toEqual([])
  expect([...formMetadata([formOf(latent)])]).toEqual([["lllite.cond_input_space", "latent"]])
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
  expect(formNotices({ settings: latent, nameOf })).toEqual([
    expect.stringContaining("of --llliteCondInput latent, and it cannot be made plain"),
  ])
})

it("does not read a hole as latents", () => {
  const least = { pretrained_model_name_or_path: "tiny", output_dir: "out" }
  const problemOf = (more: Record<string, unknown>): string | null => {
    const reader = readRecord(TRAIN_OPTIONS, { ...least, ...more })
    checkForm(reader)
    try {
      reader.finish()
      return null
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  expect(problemOf({ lllite_cond_input: "latent" })).toBeNull()
  expect(problemOf({ lllite_cond_input: "latent", lllite_cond_in_channels: 4 })).toContain(
    "--lllite_cond_input is latent and --lllite_cond_in_channels is 4, and a hole has no latents. Leave out one of them",
  )
})
