import { execFileSync } from "node:child_process"
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { needs } from "../../../format/test/needs.ts"
import { writeAtomically } from "./atomic-write.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-write-"))
})
afterEach(() => rm(folder, { recursive: true }))

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

async function* failing(): AsyncGenerator<Uint8Array> {
  yield bytes(1)
  throw new Error("the model broke")
}

it("writes pieces one after another, in folders that it makes", async () => {
  const path = join(folder, "a", "b", "file")
  await writeAtomically(path, [bytes(1, 2), bytes(), bytes(3)])
  expect([...(await readFile(path))]).toEqual([1, 2, 3])
  expect(await readdir(join(folder, "a", "b"))).toEqual(["file"])
})

it("replaces a file", async () => {
  const path = join(folder, "file")
  await writeFile(path, "a longer text than the new one")
  await writeAtomically(path, "nové")
  expect(await readFile(path, "utf8")).toBe("nové")
})

it("keeps the old file and leaves no other when the contents fail", async () => {
  const path = join(folder, "file")
  await writeFile(path, "old")
  await expect(writeAtomically(path, failing())).rejects.toThrow("the model broke")
  expect(await readFile(path, "utf8")).toBe("old")
  expect(await readdir(folder)).toEqual(["file"])
})

it("leaves no files when the path is a folder", async () => {
  await expect(writeAtomically(folder, "text")).rejects.toThrow(/cannot write/)
  await writeFile(join(folder, "file"), "")
  await expect(writeAtomically(join(folder, "file", "inner"), "text")).rejects.toThrow(/cannot write .*inner/)
  expect(await readdir(folder)).toEqual(["file"])
})

describe("with existing files that stay", () => {
  it("refuses a name that exists before it makes the contents, and keeps the file", async () => {
    const path = join(folder, "file")
    await writeFile(path, "old")
    let asked = false
    async function* contents(): AsyncGenerator<Uint8Array> {
      asked = true
      yield bytes(1)
    }
    await expect(writeAtomically(path, contents(), { existing: "refuse" })).rejects.toThrow(/it exists already/)
    expect(asked).toBe(false)
    expect(await readFile(path, "utf8")).toBe("old")
    expect(await readdir(folder)).toEqual(["file"])
  })

  it("refuses a name that appears while the contents are made", async () => {
    const path = join(folder, "file")
    async function* contents(): AsyncGenerator<Uint8Array> {
      await writeFile(path, "another program's")
      yield bytes(1)
    }
    await expect(writeAtomically(path, contents(), { existing: "refuse" })).rejects.toThrow(/it exists already/)
    expect(await readFile(path, "utf8")).toBe("another program's")
    expect(await readdir(folder)).toEqual(["file"])
  })

  it("writes a new file, under a name of any length", async () => {
    const name = "β".repeat(127)
    await writeAtomically(join(folder, name), "text", { existing: "refuse" })
    expect(await readdir(folder)).toEqual([name])
  })
})

describe("with existing names that are passed over", () => {
  it("takes the first free name, also one that is taken meanwhile, and says which", async () => {
    const path = join(folder, "a.png")
    expect(await writeAtomically(path, "1", { existing: "rename" })).toBe(path)
    async function* contents(): AsyncGenerator<Uint8Array> {
      await writeFile(join(folder, "a-2.png"), "another program's")
      yield bytes(51)
    }
    expect(await writeAtomically(path, contents(), { existing: "rename" })).toBe(join(folder, "a-3.png"))
    expect(
      await Promise.all(["a.png", "a-2.png", "a-3.png"].map((name) => readFile(join(folder, name), "utf8"))),
    ).toEqual(["1", "another program's", "3"])
  })

  it("gives each of many writers at once a name of its own", async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `picture ${i}`)
    const write = (text: string) => writeAtomically(join(folder, "a.png"), text, { existing: "rename" })
    const paths = await Promise.all(texts.map(write))
    expect(await Promise.all(paths.map((path) => readFile(path, "utf8")))).toEqual(texts)
    expect(await readdir(folder)).toHaveLength(20)
  })

  it("cuts a name that has no room for a number", async () => {
    const path = join(folder, `${"β".repeat(125)}.png`)
    await writeFile(path, "old")
    expect(await writeAtomically(path, "new", { existing: "rename" })).toBe(join(folder, `${"β".repeat(124)}-2.png`))
  })
})

describe("what is at the path", needs("a system with links and permissions", process.platform !== "win32"), () => {
  it("keeps the permissions of a file that it replaces", async () => {
    const path = join(folder, "private")
    await writeFile(path, "old", { mode: 0o600 })
    for (const mode of [0o600, 0o640, 0o444]) {
      await chmod(path, mode)
      await writeAtomically(path, "new")
      expect((await stat(path)).mode & 0o777).toBe(mode)
    }
  })

  it("keeps the owner where the system allows it", needs("the user root", process.getuid?.() === 0), async () => {
    const path = join(folder, "file")
    await writeFile(path, "old")
    execFileSync("chown", ["1234:1235", path])
    await writeAtomically(path, "new")
    expect(await stat(path)).toMatchObject({ uid: 1234, gid: 1235 })
  })

  it("writes the file behind symbolic links, also one that does not exist yet", async () => {
    await writeFile(join(folder, "file"), "old")
    await symlink("file", join(folder, "near"))
    await symlink("near", join(folder, "far"))
    await symlink("later", join(folder, "dangling"))
    expect(await writeAtomically(join(folder, "far"), "new")).toBe(join(folder, "far"))
    await writeAtomically(join(folder, "dangling"), "first")
    expect(await readFile(join(folder, "file"), "utf8")).toBe("new")
    expect(await readFile(join(folder, "later"), "utf8")).toBe("first")
    for (const name of ["near", "far", "dangling"])
      expect((await lstat(join(folder, name))).isSymbolicLink()).toBe(true)
  })

  it("refuses what is not a file, also behind a link, and leaves it as it is", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")])
    const server = createServer().listen(join(folder, "socket"))
    await new Promise((resolve) => server.on("listening", resolve))
    await symlink("/dev/null", join(folder, "device"))
    await symlink("circle", join(folder, "circle"))
    const kinds = {
      pipe: "a named pipe",
      socket: "a socket",
      device: "a device",
      ".": "a folder",
      circle: "in a circle",
    }
    try {
      for (const [name, kind] of Object.entries(kinds)) {
        for (const existing of ["replace", "refuse"] as const) {
          await expect(writeAtomically(join(folder, name), "x", { existing })).rejects.toThrow(kind)
        }
      }
      expect((await readdir(folder)).sort()).toEqual(["circle", "device", "pipe", "socket"])
      expect((await stat("/dev/null")).isCharacterDevice()).toBe(true)
    } finally {
      server.close()
    }
  })
})

it("removes the temporary files of processes that have ended, and no others", async () => {
  // The file of a killed process: the name of a write that is running, with a process number that no machine uses.
  let seen = ""
  async function* contents(): AsyncGenerator<Uint8Array> {
    seen = (await readdir(folder))[0] ?? ""
    yield bytes(1)
  }
  await writeAtomically(join(folder, "file"), contents())
  const abandoned = seen.replace(/-\d+-/, "-99999999-")
  expect(abandoned).not.toBe(seen)
  const otherMachine = abandoned.replace(/\.[0-9a-f]{8}-/, ".00000000-")
  for (const name of [seen, abandoned, otherMachine, ".file.tmp"]) await writeFile(join(folder, name), "")
  await writeAtomically(join(folder, "file"), "text")
  expect((await readdir(folder)).sort()).toEqual([seen, otherMachine, ".file.tmp", "file"].sort())
})

it("makes a missing folder together with its file, if asked, and removes what killed processes left of one", async () => {
  let seen: readonly string[] = []
  async function* contents(): AsyncGenerator<Uint8Array> {
    seen = await readdir(join(folder, "above"))
    yield bytes(1)
  }
  const path = join(folder, "above", "state", "file")
  expect(await writeAtomically(path, contents(), { withFolder: true })).toBe(path)
  expect(seen).toEqual([expect.stringMatching(/^\.state\..*\.lllite-tmp$/)])
  expect(await readdir(folder, { recursive: true })).toEqual([
    "above",
    join("above", "state"),
    join("above", "state", "file"),
  ])
  const abandoned = (seen[0] ?? "").replace(/-\d+-/, "-99999999-")
  await mkdir(join(folder, "above", abandoned))
  await writeFile(join(folder, "above", abandoned, "file"), "")
  await writeAtomically(join(folder, "above", "other", "file"), "text", { withFolder: true })
  await writeAtomically(path, "text", { withFolder: true })
  expect((await readdir(join(folder, "above"))).sort()).toEqual(["other", "state"])
  expect(await readFile(path, "utf8")).toBe("text")
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield bytes(1)
    throw new Error("no contents")
  }
  const none = writeAtomically(join(folder, "above", "none", "file"), broken(), { withFolder: true })
  await expect(none).rejects.toThrow("no contents")
  expect((await readdir(join(folder, "above"))).sort()).toEqual(["other", "state"])
})
