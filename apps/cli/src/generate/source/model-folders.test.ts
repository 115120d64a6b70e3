import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { openModelFolders } from "./model-folders.ts"

const root = mkdtempSync(join(tmpdir(), "lllite-models-"))
afterAll(() => rmSync(root, { recursive: true }))

const write = (path: string, text = ""): string => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  return join(root, path)
}
const checkpoint = write("comfy/models/checkpoints/sd/xl.safetensors")
const lllite = write("comfy/custom_nodes/ControlNet-LLLite-ComfyUI/models/canny.safetensors")
const picture = write("comfy/input/canny1.png")
const beside = write("workflows/beside.png")
const lora = write("webui/models/Lora/style.safetensors")
write("secret.safetensors")
write("comfy/extra_model_paths.yaml", "webui:\n  base_path: ../webui\n  loras: models/Lora\n")

const open = (...modelsDirs: readonly string[]) =>
  openModelFolders({ modelsDirs, extraPaths: undefined, source: join(root, "workflows/a.json") })

describe("the folders of models", () => {
  it.each(["comfy", "comfy/models"])("are ComfyUI's, named as %s", async (folder) => {
    const folders = await open(join(root, folder))
    expect(folders.find("sd/xl.safetensors", "checkpoint")).toBe(checkpoint)
    expect(folders.find("sd\\xl.safetensors", "checkpoint")).toBe(checkpoint)
    expect(folders.find("xl.safetensors", "checkpoint")).toBe(checkpoint)
    expect(folders.find("canny.safetensors", "adapter")).toBe(lllite)
    expect(folders.find("canny1.png", "picture")).toBe(picture)
    expect(folders.find("style.safetensors", "lora")).toBe(lora)
    expect(folders.find("canny.safetensors", "vae")).toBeNull()
  })

  it("have to be there", async () => {
    await expect(open(join(root, "none"))).rejects.toThrow(/none": there is no such file or folder/)
    await expect(open(picture)).rejects.toThrow(/canny1\.png": it is a file, expected a folder/)
  })

  it("find a name without its ending, as A1111 writes it", async () => {
    const folders = await open(join(root, "comfy"), join(root, "webui"))
    expect(folders.find("xl", "checkpoint")).toBe(checkpoint)
    expect(folders.find("style", "lora")).toBe(lora)
  })

  it("find a picture beside the workflow, a path as it is, and the embedded model", async () => {
    const folders = await open()
    expect(folders.find("beside.png", "picture")).toBe(beside)
    expect(folders.find(checkpoint, "checkpoint")).toBe(checkpoint)
    expect(folders.find("tiny", "checkpoint")).toBe("tiny")
    expect(folders.find("tiny", "vae")).toBeNull()
  })

  it("do not leave their folder, and follow no address", async () => {
    const folders = await open(join(root, "comfy"))
    expect(folders.find("../../../secret.safetensors", "checkpoint")).toBeNull()
    expect(folders.find("https://example.com/xl.safetensors", "checkpoint")).toBeNull()
  })

  it("are those of a file that is given", async () => {
    const extraPaths = write("paths.yaml", "a:\n  base_path: webui/models\n  loras: Lora\n")
    const folders = await openModelFolders({ modelsDirs: [], extraPaths, source: "a.json" })
    expect(folders.find("style", "lora")).toBe(lora)
  })
})
