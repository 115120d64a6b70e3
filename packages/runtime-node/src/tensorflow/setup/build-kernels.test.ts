import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { needs } from "../../../../format/test/needs.ts"
import { buildKernels } from "./build-kernels.ts"

const onPosix = needs("programs in shell script, which Windows does not run", process.platform !== "win32")

let root = ""
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lllite-kernels-"))
  await mkdir(join(root, "sources"))
  for (const name of ["ops.cc", "sum-avx2.cc", "sum-avx512.cc", "sum.h"])
    await writeFile(join(root, "sources", name), "")
})
afterEach(() => rm(root, { recursive: true }))

/** Builds with a program in place of the compiler. */
const build = async (compiler: string): Promise<string | null> => {
  await writeFile(join(root, "compiler"), `#!/bin/sh\n${compiler}\n`)
  await chmod(join(root, "compiler"), 0o755)
  return buildKernels({
    compiler: join(root, "compiler"),
    sources: join(root, "sources"),
    nodeHeaders: "/node",
    tensorflow: {
      version: "2.21.0",
      include: "/include",
      libraries: [join(root, "out", "tensorflow", "library.so.2")],
    },
    output: join(root, "out", "kernels.node"),
    signal: undefined,
  })
}

describe("buildKernels", onPosix, () => {
  beforeEach(() => mkdir(join(root, "out")))

  it("compiles each source for its instructions, and links all of them with TensorFlow", async () => {
    expect(await build(`echo "$*" >> "${root}/calls"`)).toBeNull()
    const calls = (await readFile(join(root, "calls"), "utf8")).trim().split("\n")
    const callOf = (name: string) => calls.find((call) => call.includes(`-c ${join(root, "sources", name)}`)) ?? ""
    expect(calls).toHaveLength(4)
    expect(callOf("ops.cc")).toMatch(/-std=c\+\+17.* -I \/node -I \/include/)
    expect(callOf("ops.cc")).not.toContain("-mf16c")
    expect(callOf("sum-avx2.cc")).toContain("-mavx2 -mfma -mf16c")
    expect(callOf("sum-avx512.cc")).toContain("-mavx512dq")
    expect(calls[3]).toMatch(/^-shared .*ops\.cc\.o .*library\.so\.2 -Wl,-rpath,\S+\/tensorflow -o \S+kernels\.node$/)
    expect(await readdir(join(root, "out"))).toEqual([])
  })

  it("returns what the compiler says when a source fails, and leaves no files", async () => {
    const problem = await build('case "$*" in *avx512*) echo "no such instructions" >&2; exit 1;; esac')
    expect(problem).toMatch(/could not build them\. Its output:\nno such instructions$/)
    expect(await readdir(join(root, "out"))).toEqual([])
  })

  it("returns what the linker says", async () => {
    expect(await build('case "$*" in *-shared*) echo "no library" >&2; exit 1;; esac')).toContain("no library")
  })
})
