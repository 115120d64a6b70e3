import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { CommandKind, Library } from "@lllite/serve"
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
  await mkdir(join(folder, "data", "sets"))
  await symlink(join(folder, "secret.txt"), join(folder, "data", "link.txt"))
  await symlink(folder, join(folder, "data", "outside"))
  await symlink(join(folder, "none.txt"), join(folder, "data", "dangling.txt"))
})
afterAll(() => rm(folder, { recursive: true }))

describe("the command line of a job", () => {
  const line = (kind: CommandKind, options: Readonly<Record<string, unknown>>, files: readonly string[] = []) =>
    commandLine(kind, { options, files }, { dataFolder: join(folder, "data"), library })

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

  it.each([
    ...["link.txt", "l?nk.txt", "l[i]nk.txt", "**/link.txt", "./link.txt", "sets/./../link.txt"],
    ...["outside", "outside/secret.txt", "outside/new.txt", "outside/new/new.txt", "outs*/secret.txt", "dangling.txt"],
  ])("refuses %j, which is behind a link out of the data folder", async (text) => {
    const code = text.includes("..") ? "option-refused" : "file-unknown"
    await expect(line("inspect", {}, [text])).rejects.toMatchObject({ code })
    await expect(line("train", { output_dir: text })).rejects.toMatchObject({ code })
  })

  it("lets no text stand for a repository of the Hub, and no pattern take long", async () => {
    expect(await line("inspect", {}, ["owner/name", "owner/name@main:x", "x*y/z"])).toEqual([
      ...["inspect", "--", "./owner/name", "./owner/name@main:x", "./x*y/z"],
    ])
    expect(await line("dataset cache", { vae: "owner/name", caption_prefix: "either/or" })).toEqual([
      ...["dataset", "cache", "--vae=./owner/name", "--caption_prefix=either/or", "--"],
    ])
    await expect(line("inspect", {}, ["**/**/x"])).rejects.toMatchObject({ code: "option-refused" })
  })

  it("takes no more than a program can be started with", async () => {
    await expect(line("inspect", {}, ["x".repeat(70_000)])).rejects.toMatchObject({ code: "limit" })
    const many = Array.from({ length: 100 }, () => "x".repeat(20_000))
    await expect(line("train", { metadata_tags: many })).rejects.toMatchObject({ code: "limit" })
  })

  it("opens no port, and starts no more ranks than there are cores", async () => {
    for (const options of [{ rank_address: "0.0.0.0:8000" }, { dashboard: true }, { dashboard_port: 8000 }]) {
      await expect(line("train", options)).rejects.toMatchObject({ code: "option-refused" })
    }
    await expect(line("train", { ranks: 10_000 })).rejects.toMatchObject({ code: "limit" })
    expect(await line("train", { ranks: 1 })).toContain("--ranks=1")
  })

  it("has what lets workers share data sets and caches, and no other command has it", async () => {
    const fanOut = { flags: ["--redis=redis://x", "--store=/s"], environment: {} }
    for (const kind of ["dataset make", "dataset cache", "train", "preprocess"] as const) {
      const argv = await commandLine(kind, { options: {} }, { dataFolder: join(folder, "data"), library, fanOut })
      expect([kind, argv.includes("--store=/s")]).toEqual([kind, kind.startsWith("dataset")])
    }
    await expect(line("dataset cache", { store: "s3://other" })).rejects.toMatchObject({ code: "option-refused" })
  })

  it("refuses unknown options, and a server without a data folder", async () => {
    await expect(line("train", { none: 1 })).rejects.toMatchObject({ code: "option-refused" })
    await expect(line("train", { output_config: true })).rejects.toMatchObject({ code: "option-refused" })
    const without = commandLine("train", { options: {} }, { dataFolder: null, library })
    await expect(without).rejects.toThrow("--data_dir")
  })
})
