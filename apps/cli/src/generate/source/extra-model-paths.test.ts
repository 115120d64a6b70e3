import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { readExtraModelPaths } from "./extra-model-paths.ts"

const folder = mkdtempSync(join(tmpdir(), "lllite-yaml-"))
afterAll(() => rmSync(folder, { recursive: true }))

const read = async (text: string) => {
  writeFileSync(join(folder, "paths.yaml"), text)
  return Object.fromEntries(await readExtraModelPaths(join(folder, "paths.yaml")))
}

describe("extra_model_paths.yaml", () => {
  it("has sections of folders, below a base", async () => {
    const text = `
#Rename this file
a111:
    base_path: /srv/webui/   # where it is

    checkpoints: models/Stable-diffusion
    loras: |
         models/Lora
         models/LyCORIS
    vae: "models/my VAE"

comfyui:
    is_default: true
    base_path: ../comfy
    loras: /elsewhere/loras
`
    expect(await read(text)).toEqual({
      checkpoints: ["/srv/webui/models/Stable-diffusion"],
      loras: ["/srv/webui/models/Lora", "/srv/webui/models/LyCORIS", "/elsewhere/loras"],
      vae: ["/srv/webui/models/my VAE"],
    })
  })

  it("is read from its own folder without a base, and with variables of the environment", async () => {
    process.env.LLLITE_TEST_FOLDER = "/data"
    expect(await read("a:\n  loras: loras\nb:\n  base_path: $LLLITE_TEST_FOLDER/x\n  vae: v\n")).toEqual({
      loras: [join(folder, "loras")],
      vae: ["/data/x/v"],
    })
    expect(await read("# nothing\n")).toEqual({})
    expect(await read("a:\r\n  loras: C:\\models\r\n")).toEqual({ loras: [join(folder, "C:\\models")] })
  })

  it.each([
    ["loras\n", 1],
    ["a:\n  loras: [x, y]\n", 2],
    ["a:\n  loras: &x y\n", 2],
    ["\n  loras: x\n", 2],
    ["a:\n\tloras: x\n", 2],
    ["- a\n", 1],
  ])("names the line that is not of this form: %j", async (text, line) => {
    await expect(read(text)).rejects.toThrow(`paths.yaml", line ${line}: expected NAME: FOLDER`)
  })
})
