import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "vitest"
import { controlNetBytes, TINY_CONTROL_NET } from "../../../../packages/core/testing/controlnet-file.ts"
import { controlNotices, ofKind, readsControlType } from "./control-files.ts"

const adapter = { file: { path: "a" }, strength: 0.5, blocks: { middle: 1 }, guidance: { cond: 1, uncond: 0 } }

it("gives an adapter the settings of its kind", () => {
  expect(ofKind(adapter, "lllite", true)).toEqual({ ...adapter, kind: "lllite" })
  const net = { file: { path: "a" }, strength: 0.5, kind: "controlnet" }
  expect(ofKind(adapter, "controlnet", false)).toEqual(net)
  expect(ofKind(adapter, "controlnet", true)).toEqual({ ...net, guessMode: true })
  const typed = { ...adapter, controlType: "depth" } as const
  expect(ofKind(typed, "controlnet", false)).toEqual({ ...net, controlType: "depth" })
  expect(ofKind(typed, "lllite", false)).toEqual({ ...adapter, kind: "lllite" })
})

it("says which settings have no effect", () => {
  const none = {
    controlNetGuessMode: false,
    llliteBlocks: [],
    llliteCond: [],
    llliteUncond: [],
    llliteMasks: [],
    llliteHoles: [],
  }
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

it("asks for the control type of a ControlNet Union alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lllite-"))
  try {
    const write = async (types: number): Promise<string> => {
      const path = join(folder, `${types}.safetensors`)
      const union = types === 0 ? {} : { union: { types, width: 64, blocks: 1 } }
      await writeFile(path, controlNetBytes({ name: "a", layout: TINY_CONTROL_NET, dtype: "F16", ...union }))
      return path
    }
    const [plain, six, eight] = [await write(0), await write(6), await write(8)]
    expect(await readsControlType(plain, undefined)).toBe(false)
    expect(await readsControlType(plain, "depth")).toBe(false)
    expect(await readsControlType(six, "segment")).toBe(true)
    expect(await readsControlType(eight, "tile")).toBe(true)
    await expect(readsControlType(six, "tile")).rejects.toThrow(/"tile" is not among them.*--control_net_types/)
    await expect(readsControlType(eight, undefined)).rejects.toThrow(/none is given\. Expected one of .*repaint/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
