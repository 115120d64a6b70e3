import type { GenerateRunOptions } from "../../src/runtime/contract.ts"
import { loaded, type RuntimeCase, refused } from "./case.ts"
import { draw, picture, same, stars } from "./pictures.ts"

/** Cases of samplers, noise levels, guidance and noise. */
export const SAMPLING: readonly RuntimeCase[] = [
  loaded("follows the sampler, its options, the noise levels, guidance and the noise", async ({ sdxl, expect }) => {
    const one = stars.slice(0, 1)
    const base: GenerateRunOptions = {
      ...{ ...picture, sampler: "dpmpp_2m_sde", spacing: "karras", samplerOptions: { eta: 0.5 } },
    }
    const [first] = await draw(sdxl, one, base)
    expect(same(first, (await draw(sdxl, one, base))[0]), "one choice gives two pictures")
    const changes: readonly GenerateRunOptions[] = [
      { ...base, sampler: "euler_a" },
      { ...base, samplerOptions: { eta: 1 } },
      { ...base, spacing: "sgm_uniform" },
      { ...base, spacingOptions: { sigmaMax: 10 } },
      { ...base, guidanceRescale: 1 },
      { ...base, zeroTerminalSnr: true },
      { ...base, noise: "torch-cpu" },
    ]
    for (const change of changes) {
      const [other] = await draw(sdxl, one, change)
      expect(!same(first, other), `the picture is the same with ${JSON.stringify(change)}`)
    }
  }),

  loaded("steps for each picture alone where a sampler chooses its steps", async ({ sdxl, expect }) => {
    const options: GenerateRunOptions = {
      ...picture,
      sampler: "dpm_adaptive",
      samplerOptions: { rtol: 0.5, atol: 0.2 },
    }
    const together = await draw(sdxl, stars.slice(0, 2), options)
    const [alone] = await draw(sdxl, stars.slice(1, 2), options)
    expect(same(together[1], alone), "a picture alone is another one")
  }),

  loaded("refuses a sampler's name and options that are wrong", async ({ sdxl, subject, expect }) => {
    const named = { ...picture, sampler: "eular" as "euler" }
    await refused(expect, subject, () => draw(sdxl, stars, named), /no sampler "eular".*Did you mean "euler"/)
    const given = { ...picture, samplerOptions: { order: 2 } }
    await refused(expect, subject, () => draw(sdxl, stars, given), /"euler" does not take the option "order"/)
  }),
]
