import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Library } from "@lllite/serve"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { commandLine } from "./command-line.ts"

let folder = ""
const library: Library = {
  list: async (kind) => (kind === "checkpoint" ? [{ name: "base.safetensors", path: "/models/base.safetensors" }] : []),
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-command-"))
  await mkdir(join(folder, "data"))
  await writeFile(join(folder, "secret.txt"), "secret")
  await symlink(join(folder, "secret.txt"), join(folder, "data", "link.txt"))
})
afterAll(() => rm(folder, { recursive: true }))

describe("the command line of a job", () => {
  const line = (
    kind: "train" | "preprocess",
    options: Readonly<Record<string, unknown>>,
    files: readonly string[] = [],
  ) => commandLine(kind, { options, files }, { dataFolder: join(folder, "data"), library })

  it("has options by name, models by their paths, and files after a --", async () => {
    const options = { pretrained_model_name_or_path: "base", network_dim: 8, force: true, no_metadata: false }
    expect(await line("train", options)).toEqual([
      ...["train", "--pretrained_model_name_or_path=/models/base.safetensors", "--network_dim=8", "--force", "--"],
    ])
    expect(await line("preprocess", {}, ["canny", "in.png", "out"])).toEqual([
      ...["preprocess", "--", "canny", "in.png", "out"],
    ])
  })

  it.each([
    "/etc/passwd",
    "../secret.txt",
    "a/../../secret.txt",
    "..\\x",
    "C:\\x",
    "~/x",
    "a\0b",
    "http://a/b",
    "hf:a/b",
  ])("refuses %j in options and files", async (text) => {
    await expect(line("train", { dataset_config: text })).rejects.toMatchObject({ code: "option-refused" })
    await expect(line("preprocess", {}, ["canny", text, "out"])).rejects.toMatchObject({ code: "option-refused" })
  })

  it("refuses a link out of the data folder, unknown options, and a server without a data folder", async () => {
    await expect(line("preprocess", {}, ["canny", "link.txt", "out"])).rejects.toMatchObject({ code: "file-unknown" })
    await expect(line("train", { none: 1 })).rejects.toMatchObject({ code: "option-refused" })
    await expect(line("train", { output_config: true })).rejects.toMatchObject({ code: "option-refused" })
    const without = commandLine("train", { options: {} }, { dataFolder: null, library })
    await expect(without).rejects.toThrow("--data_dir")
  })
})
