import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { cudaRequirements } from "./fetch-wheel.ts"
import { removeTensorflow, setUpTensorflow } from "./index.ts"
import { findTools } from "./tools.ts"

const onPosix = needs("programs in shell script, which Windows does not run", process.platform !== "win32")

let root = ""
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lllite-setup-"))
})
afterEach(() => rm(root, { recursive: true }))

/** A program that prints, and ends with a code. */
const putProgram = async (name: string, script: string): Promise<string> => {
  const path = join(root, "bin", name)
  await mkdir(join(root, "bin"), { recursive: true })
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

describe("findTools", onPosix, () => {
  const tools = (python?: string) => findTools(python, { environment: { PATH: join(root, "bin") } })

  it("names everything that is missing in one error", async () => {
    await expect(tools()).rejects.toThrow(/Python 3 was not found\..*compiler was not found\..*apt install g\+\+/)
  })

  it("names a Python that cannot be run, and one without pip", async () => {
    await putProgram("c++", "exit 0")
    await expect(tools("/nowhere/python")).rejects.toThrow('The Python "/nowhere/python" cannot be run')
    const python = await putProgram("python3", 'test "$1" = -c && echo 3.12.1')
    await expect(tools(python)).rejects.toThrow(`${python} has no pip`)
    await expect(tools()).rejects.toThrow("python3 has no pip")
  })

  it("calls nothing missing that the signal has ended", async () => {
    await putProgram("c++", "exit 0")
    const python = await putProgram("python3", 'test "$1" = -c && echo 3.12.1 || while :; do /bin/sleep 1; done')
    const reason = new Error("the reason of this abort")
    const controller = new AbortController()
    const found = findTools(python, { environment: { PATH: join(root, "bin") }, signal: controller.signal })
    setTimeout(() => controller.abort(reason), 200)
    await expect(found).rejects.toBe(reason)
    const late = { environment: { PATH: join(root, "bin") }, signal: AbortSignal.abort(reason) }
    await expect(findTools(python, late)).rejects.toBe(reason)
  })

  it("takes the first of each that runs", async () => {
    await putProgram("python", "echo 3.12.1")
    await putProgram("g++", "exit 0")
    await putProgram("clang++", "exit 0")
    await expect(tools()).resolves.toEqual({ python: "python", pythonVersion: "3.12.1", compiler: "g++" })
  })
})

describe("setUpTensorflow", onPosix, () => {
  it("leaves no files when pip fails, and repeats the output of pip", async () => {
    const python = await putProgram(
      "python",
      'case "$*" in *install*) echo "No matching distribution" >&2; exit 1;; *) echo 3.8.0;; esac',
    )
    const folder = join(root, "cache", "tensorflow")
    await expect(setUpTensorflow({ python, folder })).rejects.toThrow(
      /pip could not get tensorflow.*a folder of wheels\.\nOutput of pip:\nNo matching distribution/s,
    )
    expect(await readdir(join(root, "cache"))).toEqual([])
  })

  it("refuses a folder of wheels that does not exist", async () => {
    await expect(setUpTensorflow({ wheelDir: join(root, "none") })).rejects.toThrow(
      /cannot read ".*none": there is no such/,
    )
  })
})

describe("removeTensorflow", () => {
  it("neither replaces nor removes a file or a folder that no setup made", async () => {
    const folder = join(root, "mine")
    await mkdir(folder)
    await writeFile(join(folder, "thesis.txt"), "12345")
    for (const work of [() => setUpTensorflow({ folder }), () => removeTensorflow(folder)]) {
      await expect(work()).rejects.toMatchObject({
        code: "setup-folder",
        message: expect.stringContaining("thesis.txt"),
      })
    }
    const file = join(folder, "thesis.txt")
    for (const work of [() => setUpTensorflow({ folder: file }), () => removeTensorflow(file)]) {
      await expect(work()).rejects.toMatchObject({ code: "not-a-folder" })
    }
    expect(await readFile(file, "utf8")).toBe("12345")
  })

  it("removes the folder behind a link, and keeps the link", async () => {
    await mkdir(join(root, "disk", "site-packages"), { recursive: true })
    await symlink("disk", join(root, "linked"))
    expect(await removeTensorflow(join(root, "linked"))).toEqual({ folder: join(root, "linked"), bytes: 0 })
    expect(await removeTensorflow(join(root, "linked"))).toBeNull()
  })

  it("removes the folder and says how much was in it", async () => {
    const folder = join(root, "tensorflow")
    await mkdir(join(folder, "site-packages"), { recursive: true })
    await writeFile(join(folder, "site-packages", "file"), "12345")
    expect(await removeTensorflow(folder)).toEqual({ folder, bytes: 5 })
    expect(await removeTensorflow(folder)).toBeNull()
  })
})

it("finds NVIDIA's packages in both notations of metadata", () => {
  const metadata = `Name: tensorflow
Requires-Dist: absl-py>=1.0.0
Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"
Requires-Dist: nvidia-nccl-cu12 (<3,>=2.25.1) ; extra == 'and-cuda'
Requires-Dist: nvidia-other; extra == "dev"`
  expect(cudaRequirements(metadata)).toEqual(["nvidia-cublas-cu12<13.0,>=12.5.3.2", "nvidia-nccl-cu12<3,>=2.25.1"])
})
