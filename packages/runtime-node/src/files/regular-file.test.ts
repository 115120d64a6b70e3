import { execFileSync } from "node:child_process"
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../../format/test/needs.ts"
import { datasetOfFolders, openDataset, readDatasetConfig, readImage, readImageSize, readPngText } from "../index.ts"
import { openLocation } from "./open-location.ts"
import { openSdxl } from "./open-sdxl.ts"
import { openPath } from "./path-source.ts"
import { readTextFile } from "./read-text.ts"
import { openRegular, readSmallFile } from "./regular-file.ts"

const ON_POSIX = needs("pipes and sockets among files, which Windows does not have", process.platform !== "win32")
const ON_LINUX = needs("/proc, which Linux alone has", process.platform === "linux")

let folder = ""
const at = (name: string): string => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-regular-"))
  await writeFile(at("text"), "a caption")
})
afterAll(() => rm(folder, { recursive: true }))

describe("openRegular", () => {
  it("refuses a folder, and names a path that does not exist", async () => {
    await expect(openRegular(folder)).rejects.toThrow(/it is a folder, expected a file/)
    await expect(openRegular(at("nothing"))).rejects.toThrow(/nothing".*no such file/)
  })

  it("refuses pipes, sockets and devices, also behind links", ON_POSIX, async () => {
    execFileSync("mkfifo", [at("pipe.safetensors"), at("pipe.png"), at("pipe.toml"), at("x.safetensors.index.json")])
    const pipe = /it is a named pipe, expected a file/
    const waiting: readonly (() => Promise<unknown>)[] = [
      () => openRegular(at("pipe.png")),
      () => openPath(at("pipe.safetensors")),
      () => openLocation(at("pipe.safetensors")),
      () => openLocation(at("x.safetensors.index.json")),
      () => openSdxl({ checkpoint: at("pipe.safetensors") }),
      () => openSdxl({ checkpoint: "tiny", vae: at("pipe.safetensors") }),
      () => readImage(at("pipe.png")),
      () => readImageSize(at("pipe.png")),
      () => readPngText(at("pipe.png")),
      () => readDatasetConfig(at("pipe.toml")),
      () => readTextFile(at("pipe.toml")),
      () => readSmallFile(at("pipe.toml"), 100, "a text"),
    ]
    for (const [i, work] of waiting.entries()) await expect(work(), `call ${i}`).rejects.toThrow(pipe)
    await symlink(at("pipe.png"), at("link.png"))
    await expect(readImage(at("link.png"))).rejects.toThrow(pipe)
    await expect(readTextFile("/dev/zero")).rejects.toThrow(/it is a device/)
    const server = createServer().listen(at("socket"))
    await new Promise((resolve) => server.once("listening", resolve))
    await expect(readTextFile(at("socket"))).rejects.toThrow(/it is a socket/)
    server.close()
  })

  it("finds pipes among the files of a data set", ON_POSIX, async () => {
    execFileSync("mkdir", [at("images"), at("controls")])
    execFileSync("mkfifo", [at("images/a.png"), at("controls/a.png"), at("images/a.caption")])
    const config = datasetOfFolders({ imageDir: at("images"), conditioningDataDir: at("controls"), resolution: 64 })
    await expect(openDataset(config)).rejects.toThrow(
      /a\.caption": it is a named pipe[\s\S]*a\.png": it is a named pipe/,
    )
  })
})

describe("readSmallFile", () => {
  it("reads a file up to its limit, and refuses a longer one by name", async () => {
    expect(new TextDecoder().decode(await readSmallFile(at("text"), 9, "a text"))).toBe("a caption")
    await expect(readSmallFile(at("text"), 8, "a text")).rejects.toMatchObject({
      code: "file-size",
      message: expect.stringMatching(/text": it has 9 bytes or more, expected at most 8 for a text/),
    })
  })

  it("reads files of the system, which state no size", ON_LINUX, async () => {
    const status = await readSmallFile("/proc/self/status", 65536, "a text")
    expect(new TextDecoder().decode(status)).toContain("Pid:")
    await expect(readSmallFile("/proc/self/status", 10, "a text")).rejects.toThrow(/expected at most 10/)
  })
})
