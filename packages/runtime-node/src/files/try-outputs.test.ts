import { execFileSync } from "node:child_process"
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, it } from "vitest"
import { needs } from "../../../format/test/needs.ts"
import { expectFolder, openFolder } from "./make-folder.ts"
import { tryOutputs } from "./try-outputs.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-try-"))
})
afterEach(() => rm(folder, { recursive: true }))

const at = (...names: readonly string[]): string => join(folder, ...names)

it("accepts paths that can be written, and leaves no file and no folder behind", async () => {
  await mkdir(at("there"))
  await writeFile(at("there", "old"), "old")
  await tryOutputs([at("a", "b", "file"), at("there", "old"), at("there", "new")], { bytes: 1 })
  await tryOutputs([at("there", "old")], { existing: "rename" })
  expect(await readdir(folder, { recursive: true })).toEqual(["there", join("there", "old")])
})

it("names every kind of path that cannot be written", async () => {
  await writeFile(at("file"), "")
  await mkdir(at("folder"))
  await symlink("circle", at("circle"))
  const refused: readonly (readonly [path: string, reason: RegExp])[] = [
    [at("folder"), /it is a folder, expected a file/],
    [`${at("new")}/`, /it is the name of a folder/],
    ["", /expected that of a file/],
    [at("file", "inner"), /file": it is a file, expected a folder/],
    [at("file", "inner", "most"), /a part of the path is a file/],
    [at("x".repeat(256)), /too long/],
    [at(...Array.from({ length: 20 }, () => "y".repeat(250)), "z"), /too long/],
    [at("new", "x".repeat(256), "inner"), /too long/],
    [at("a\0b"), /cannot hold a NUL character/],
    [at("circle"), /lead in a circle/],
    [at("circle", "inner"), /lead in a circle/],
  ]
  for (const existing of ["replace", "refuse"] as const) {
    for (const [path, reason] of refused) await expect(tryOutputs([path], { existing }), path).rejects.toThrow(reason)
  }
  expect((await readdir(folder)).sort()).toEqual(["circle", "file", "folder"])
})

it("ends on a file system that takes no folder", needs("Linux, with /proc", process.platform === "linux"), async () => {
  await expect(tryOutputs(["/proc/none/file", "/proc/none/a/b/file"])).rejects.toThrow(
    /cannot write into "\/proc\/none".*takes no new folder/s,
  )
})

it("makes a folder for a user, and says why one cannot be made, where Node's own mkdir never ends, too", async () => {
  await openFolder(at("new", "inner"))
  await openFolder(at("new", "inner"))
  expect((await stat(at("new", "inner"))).isDirectory()).toBe(true)
  await writeFile(at("file"), "")
  await expect(openFolder(at("file"))).rejects.toMatchObject({ code: "not-a-folder" })
  await expect(expectFolder(at("file"))).rejects.toMatchObject({ code: "not-a-folder" })
  await expect(expectFolder(at("none"))).rejects.toThrow(/none": there is no such file or folder/)
  await expectFolder(at("new"))
  if (process.platform === "linux") await expect(openFolder("/proc/none/inner")).rejects.toThrow(/cannot write into/)
  await rm(at("new"), { recursive: true })
  await rm(at("file"))
})

it("counts the files that exist", async () => {
  for (const name of ["a", "b", "c"]) await writeFile(at(name), "")
  const paths = ["new", "a", "b", "c"].map((name) => at(name))
  await expect(tryOutputs(paths, { existing: "refuse" })).rejects.toMatchObject({
    code: "output-exists",
    message: expect.stringContaining('a" and 2 more files: they exist already.'),
  })
})

it("compares the room on the disk with what the work needs", async () => {
  await expect(tryOutputs([at("file")], { bytes: 2 ** 60 })).rejects.toMatchObject({
    code: "no-space",
    message: expect.stringMatching(/the work needs 1099511627776\.0 MiB there, and [\d.]+ MiB are free/),
  })
})

it(
  "tries the disk: a limit of the system is found before the work",
  needs("a system with limits of file sizes", process.platform !== "win32"),
  async () => {
    const module = join(import.meta.dirname, "..", "..", "dist", "files.js")
    const program = `const { tryOutputs } = await import(${JSON.stringify(module)})
await tryOutputs(["new/file"]).catch((error) => console.log(error.message))`
    const script = `ulimit -f 1; exec "$0" --input-type=module -e "$1"`
    const said = execFileSync("bash", ["-c", script, process.execPath, program], { cwd: folder, encoding: "utf8" })
    expect(said).toMatch(/cannot write into "new": the file would be larger than the system allows/)
    expect(await readdir(folder)).toEqual([])
  },
)
