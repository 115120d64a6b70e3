import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needs, needsAll } from "../../../format/test/needs.ts"
import { probeBackend } from "../backends/probe-backend.ts"
import { INSTRUCTIONS, kernelsHere } from "./graph/own-product.test-help.ts"
import { KERNELS_FILE, KERNELS_VARIABLE, loadKernels } from "./kernels.ts"

const isWritten = process.arch === "x64" && process.platform !== "win32"
const here = needs("Linux or macOS on x64, for which our kernels are written", isWritten)

describe("loadKernels", () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lllite-kernels-"))
  })
  afterAll(() => rm(folder, { recursive: true }))
  const load = (environment = {}) => loadKernels({ binding: join(folder, "tfjs_binding.node") }, environment)

  it("says where kernels are not built, and how to build them", here, () => {
    expect(load()).toBe("LLLite's are not built. Type: lllite setup tensorflow")
    expect(load({ [KERNELS_VARIABLE]: "" })).toBe(load())
  })

  it("says why they cannot be loaded", here, async () => {
    await writeFile(join(folder, KERNELS_FILE), "not a library")
    expect(load()).toMatch(/^LLLite's cannot be loaded: .*\. Type: lllite setup tensorflow$/)
  })

  it("loads none where the environment says so, and refuses what it does not know", () => {
    expect(load({ [KERNELS_VARIABLE]: "none" })).toBe('the environment variable LLLITE_KERNELS is "none".')
    for (const wrong of ["AVX2", "sse", "toString"]) {
      expect(() => load({ [KERNELS_VARIABLE]: wrong })).toThrow(
        `LLLITE_KERNELS is "${wrong}", expected one of avx512, avx2, none.`,
      )
    }
  })
})

describe("a backend", () => {
  const addon = kernelsHere()
  const available = typeof addon === "string" ? [] : addon.available
  const onTensorflow = needs(typeof addon === "string" ? addon : "", typeof addon !== "string")
  /** What a process says that has a value of the variable. */
  const probeWith = async (value: string) => {
    const before = process.env[KERNELS_VARIABLE]
    process.env[KERNELS_VARIABLE] = value
    try {
      return await probeBackend("tensorflow")
    } finally {
      if (before === undefined) delete process.env[KERNELS_VARIABLE]
      else process.env[KERNELS_VARIABLE] = before
    }
  }

  it("says that products are TensorFlow's own, and why", onTensorflow, async () => {
    const result = await probeWith("none")
    expect(result).toMatchObject({ works: true, version: expect.stringMatching(/\(blocks as graphs\)$/) })
    const paths = [`Products are TensorFlow's own: the environment variable ${KERNELS_VARIABLE} is "none".`]
    expect(result).toMatchObject({ paths })
  })

  for (const instructions of INSTRUCTIONS) {
    const onCpu = needs(`a CPU with ${instructions}`, available.includes(instructions))
    it(`computes by ${instructions} where they are chosen`, needsAll(onTensorflow, onCpu), async () => {
      const result = await probeWith(instructions.toLowerCase().replace("-", ""))
      expect(result).toMatchObject({ works: true, version: expect.stringContaining(`products by ${instructions})`) })
      expect(result).not.toHaveProperty("paths")
    })
  }
})
