import { describe, expect, it } from "vitest"
import type { RecipeBase } from "./merge-parts.ts"
import { mergeParts } from "./merge-parts.ts"

const model = { checkpoint: { path: "file" }, vae: { path: "vae" } }
const FILE: RecipeBase = {
  ...{ width: 64, height: 64, steps: 12, model, hires: { scale: 0.5, strength: 0.4 } },
  adapters: [{ file: { path: "a" }, control: null, strength: 0.5 }, { file: { path: "b" } }],
}
const OPTIONS: RecipeBase = {
  ...{ width: 128, height: 32, steps: 20, model: { checkpoint: { path: "option" } }, start: null },
  adapters: [{ file: { path: "a" }, control: { file: { path: "p" }, fit: "crop" }, strength: 2 }],
}
const merged = (...given: readonly string[]) => mergeParts(FILE, OPTIONS, (name) => given.includes(name))

describe("mergeParts", () => {
  it("keeps the file where no option is given", () => {
    expect(merged()).toEqual(FILE)
  })

  it("takes the part of each option, and nothing else", () => {
    expect(merged("steps")).toEqual({ ...FILE, steps: 20 })
    expect(merged("ckpt")).toEqual({ ...FILE, model: { ...model, checkpoint: { path: "option" } } })
    expect(merged("W")).toEqual({ ...FILE, width: 128, height: 32 })
    expect(merged("vae")).toEqual({ ...FILE, model: { checkpoint: { path: "file" } } })
  })

  it("takes a part of every adapter that the options have", () => {
    expect(merged("controlNetMultipliers").adapters).toEqual([
      { file: { path: "a" }, control: null, strength: 2 },
      { file: { path: "b" } },
    ])
    expect(merged("guideImagePath").adapters?.[0]?.control).toEqual({ file: { path: "p" } })
    expect(merged("controlNetLlliteModels").adapters).toEqual(OPTIONS.adapters)
  })

  it("keeps what holds a part where the options have none of it", () => {
    expect(merged("strength")).toEqual(FILE)
  })
})
