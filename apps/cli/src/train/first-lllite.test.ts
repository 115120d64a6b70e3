import { SDXL_LAYOUT } from "@lllite/format"
import { describe, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { checkFirstLllite } from "./first-lllite.ts"
import { TRAIN_OPTIONS } from "./options/index.ts"
import { readTrainSettings } from "./settings.ts"
import { sitesOf } from "./sites.ts"

const DEFAULT = sitesOf(SDXL_LAYOUT, { choice: "default", blocks: null, maxTransformerBlock: null })
const least = {
  ...{ pretrained_model_name_or_path: "tiny", train_data_dir: "images", conditioning_data_dir: "controls" },
  ...{ output_dir: "out", resolution: "64", resume: "last-state" },
}

/** The message for options beside a state with the default sites, of widths 64 and 32. */
function refusal(more: Record<string, unknown>, widths: readonly number[] = [64]): string | null {
  const reader = readRecord(TRAIN_OPTIONS, { ...least, ...more })
  const { sites } = readTrainSettings(reader)
  const adapters = DEFAULT.map(({ key }, i) => ({ key, mlpDim: widths[i % widths.length] ?? 0, condDim: 32 }))
  checkFirstLllite(reader, { path: "last-state", adapters }, sitesOf(SDXL_LAYOUT, sites))
  try {
    reader.finish()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

describe("options beside the LLLite that a run begins with", () => {
  it("are not a conflict where they are equal, or left out", () => {
    expect(refusal({})).toBeNull()
    expect(refusal({ network_dim: 64, cond_emb_dim: "32", sites: "default" })).toBeNull()
    expect(refusal({ site_blocks: "input,middle" })).toBeNull()
    expect(refusal({ conditioner: "own", lllite_cond_in_channels: 3 })).toBeNull()
  })

  it("are refused where they are not equal, all at once", () => {
    expect(refusal({ lllite_cond_in_channels: 4 })).toContain(
      '--lllite_cond_in_channels is 4, and the LLLite of "last-state" reads 3 channels. They stay.',
    )
    expect(refusal({ lllite_cond_input: "latent" })).toContain(
      '--lllite_cond_input is latent, and the LLLite of "last-state" reads its control as pixel. It stays so.',
    )
    const text = refusal({ network_dim: 16, cond_emb_dim: 8, sites: "output" })
    expect(text).toContain(
      '--network_dim is 16, and the LLLite of "last-state" has 64. Its width stays. Leave out --network_dim, or give 64',
    )
    expect(text).toContain('--cond_emb_dim is 8, and the LLLite of "last-state" has 32.')
    expect(text).toMatch(
      /--sites chooses 280 sites, and the LLLite of "last-state" has 136\. .*"lllite_unet_output_blocks_0_1_.*Leave out --sites/,
    )
    expect(refusal({ conditioner: "shared" })).toContain(
      '--conditioner is shared, and that of the LLLite of "last-state" is own. It stays. Leave out --conditioner, or give own',
    )
    expect(refusal({ site_max_transformer_block: 0 })).toContain("--site_max_transformer_block chooses 20 sites")
    expect(refusal({ network_dim: 64 }, [64, 16])).toMatch(/has 64 and 16\. Its width stays\. Leave out --network_dim$/)
  })
})
