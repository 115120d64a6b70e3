import { expect, it } from "vitest"
import { controlNotices, ofKind } from "./control-files.ts"

const adapter = { file: { path: "a" }, strength: 0.5, blocks: { middle: 1 }, guidance: { cond: 1, uncond: 0 } }

it("gives an adapter the settings of its kind", () => {
  expect(ofKind(adapter, "lllite", true)).toEqual({ ...adapter, kind: "lllite" })
  const net = { file: { path: "a" }, strength: 0.5, kind: "controlnet" }
  expect(ofKind(adapter, "controlnet", false)).toEqual(net)
  expect(ofKind(adapter, "controlnet", true)).toEqual({ ...net, guessMode: true })
})

it("says which settings have no effect", () => {
  const none = { controlNetGuessMode: false, llliteBlocks: [], llliteCond: [], llliteUncond: [], llliteMasks: [] }
  const lllite = new Map([["a", "lllite"] as const])
  const net = new Map([["a", "lllite"] as const, ["n", "controlnet"] as const])
  expect(controlNotices(net, none)).toEqual([])
  expect(controlNotices(lllite, { ...none, controlNetGuessMode: true })).toEqual([
    "--control_net_guess_mode has no effect, because no file is a ControlNet.",
  ])
  expect(controlNotices(new Map(), { ...none, controlNetGuessMode: true })).toEqual([])
  expect(controlNotices(net, { ...none, controlNetGuessMode: true, llliteBlocks: [{}], llliteMasks: ["m"] })).toEqual([
    '--lllite_blocks acts on LLLites alone. "n" is a ControlNet.',
    '--lllite_masks acts on LLLites alone. "n" is a ControlNet.',
  ])
})
