import { describe, expect, it } from "vitest"
import type { NodeBackend } from "../backends/names.ts"
import type { ProbeResult } from "../backends/probe-backend.ts"
import type { TensorflowSearch } from "../tensorflow/installation.ts"
import { type BackendReport, type DoctorOptions, examineMachine } from "./doctor.ts"
import type { ModelNeed } from "./model-need.ts"

const GIB = 2 ** 30
const need = (model: "tiny" | "SDXL", gibibytes: number): ModelNeed => ({
  ...{ model, weights: "16 bits", weightBytes: gibibytes * GIB, side: 1024, fittingSide: 1024 },
  generate: { bytes: (gibibytes + 3) * GIB, tensorBytes: GIB / 4 },
  train: { bytes: (gibibytes + 8) * GIB, tensorBytes: GIB / 8 },
})
const works = (version: string, device: "CPU" | "GPU" = "CPU", maxTensorBytes: number | null = null): ProbeResult => ({
  works: true,
  version,
  device,
  seconds: 1,
  maxTensorBytes,
  needs: [need("tiny", 0.1), need("SDXL", 6.5), need("SDXL", 13)],
})
const of = (backends: readonly BackendReport[], name: NodeBackend) => backends.find((backend) => backend.name === name)
const found: TensorflowSearch = { found: { source: "setup", package: "p", binding: "b" }, unusable: [] }

const examine = (options: DoctorOptions & { tensorflowResult?: ProbeResult } = {}) =>
  examineMachine({
    probe: async (backend: NodeBackend) =>
      backend === "tensorflow" ? (options.tensorflowResult ?? works("TensorFlow 2.21.0")) : works("tfjs 4.22.0"),
    tensorflow: { found: null, unusable: [] },
    nodeVersion: "24.21.0",
    nvidiaGpus: [],
    hasWebgpu: false,
    memory: { totalBytes: 24 * GIB, availableBytes: 20 * GIB },
    ...options,
  })

describe("examineMachine", () => {
  it("stops at the next backend when it is aborted", async () => {
    const controller = new AbortController()
    const probed: NodeBackend[] = []
    const probe = async (backend: NodeBackend): Promise<ProbeResult> => {
      probed.push(backend)
      controller.abort(new Error("enough"))
      return works("tfjs 4.22.0")
    }
    await expect(examine({ probe, signal: controller.signal })).rejects.toThrow("enough")
    expect(probed).toHaveLength(1)
  })

  it("finds no TensorFlow on a plain machine, and says how to get it", async () => {
    const { backends, best, advice, models } = await examine()
    expect(of(backends, "tensorflow")).toMatchObject({ name: "tensorflow", found: false, works: false, problems: [] })
    expect(best).toBe("wasm")
    expect(advice.map(({ type }) => type)).toEqual(["lllite setup tensorflow"])
    // WebAssembly can address only 4 GiB.
    expect(models.map(({ model, backend, roomBytes, fits }) => [model, backend, roomBytes, fits])).toEqual([
      ["tiny", "wasm", 4 * GIB, { generate: true, train: false }],
      ...[1, 2].map(() => ["SDXL", "wasm", 4 * GIB, { generate: false, train: false }]),
    ])
    expect(of(backends, "webgpu")).toMatchObject({ found: false, works: false })
  })

  it("says what is wrong with a package whose download failed", async () => {
    const unusable = [{ source: "@tensorflow/tfjs-node", problem: "its native addon is missing" }] as const
    const { backends, best, advice } = await examine({ tensorflow: { found: null, unusable } })
    expect(of(backends, "tensorflow")).toMatchObject({
      found: true,
      works: false,
      source: "@tensorflow/tfjs-node",
      problems: ["@tensorflow/tfjs-node: its native addon is missing"],
    })
    expect(best).toBe("wasm")
    expect(advice).toHaveLength(1)
  })

  it("does not choose a TensorFlow that computes wrong values", async () => {
    const problem = "a gradient is wrong by 0.5"
    const { backends, best } = await examine({ tensorflow: found, tensorflowResult: { works: false, problem } })
    expect(of(backends, "tensorflow")).toMatchObject({ found: true, works: false, problems: [problem] })
    expect(best).toBe("wasm")
  })

  it("chooses a TensorFlow that works, and gives no advice", async () => {
    const { backends, best, advice, models } = await examine({ tensorflow: found })
    expect(of(backends, "tensorflow")).toMatchObject({
      works: true,
      version: "TensorFlow 2.21.0",
      device: "CPU",
      source: "setup",
    })
    expect(best).toBe("tensorflow")
    expect(advice).toEqual([])
    expect(models.filter(({ model, backend }) => model === "SDXL" && backend === "tensorflow")).toEqual([
      expect.objectContaining({ roomBytes: 20 * GIB, fits: { generate: true, train: true } }),
      expect.objectContaining({ roomBytes: 20 * GIB, fits: { generate: true, train: false } }),
    ])
  })

  it("does not guess what fits on a GPU", async () => {
    const { models } = await examine({ tensorflow: found, tensorflowResult: works("TensorFlow 2.21.0", "GPU") })
    const [, ...sdxl] = models.filter(({ backend }) => backend === "tensorflow")
    for (const { fits } of sdxl) expect(fits).toEqual({ generate: null, train: null })
  })

  it("reports a tensor that is larger than the device takes", async () => {
    const { models } = await examine({
      ...{ tensorflow: found, tensorflowResult: works("TensorFlow", "GPU", GIB / 8) },
    })
    const sdxl = models.find(({ model, backend }) => model === "SDXL" && backend === "tensorflow")
    expect(sdxl?.fits).toEqual({ generate: false, train: null })
  })

  it("never chooses WebGPU as the best backend", async () => {
    const { best, backends } = await examine({ hasWebgpu: true })
    expect(of(backends, "webgpu")).toMatchObject({ found: true, works: true })
    expect(best).toBe("wasm")
  })

  it("advises the setup for a card that is not used, and a newer Node for one that is too old", async () => {
    const { advice, node } = await examine({ tensorflow: found, nvidiaGpus: ["NVIDIA L4"], nodeVersion: "20.18.3" })
    expect(node.isSupported).toBe(false)
    expect(advice).toEqual([
      { type: "nvm install 24", brings: expect.stringContaining("20.19") },
      { type: "lllite setup tensorflow --gpu", brings: "TensorFlow on NVIDIA L4" },
    ])
  })
})
