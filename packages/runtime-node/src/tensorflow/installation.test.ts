import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { TFJS_VERSION } from "../backends/names.ts"
import { findTensorflow } from "./installation.ts"
import { setupFolder } from "./setup-folder.ts"
import { expectFound } from "./start.ts"

let root = ""
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lllite-tensorflow-"))
})
afterEach(() => rm(root, { recursive: true }))

const put = async (path: string, content = ""): Promise<string> => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), content)
  return join(root, path)
}
const putPackage = (folder: string, version: string = TFJS_VERSION): Promise<string> =>
  put(`${folder}/package.json`, JSON.stringify({ version }))
const search = (packages: Readonly<Record<string, string>> = {}) =>
  findTensorflow((name) => (packages[name] === undefined ? null : join(root, packages[name])), join(root, "setup"))

it("names the release of tfjs that is installed", () => {
  const { version } = createRequire(import.meta.url)("@tensorflow/tfjs/package.json") as { readonly version: string }
  expect(TFJS_VERSION).toBe(version)
})

describe("findTensorflow", () => {
  it("finds nothing where nothing is installed", () => {
    expect(search()).toEqual({ found: null, unusable: [] })
    expect(() => expectFound(search())).toThrow("no TensorFlow is installed. Type: lllite setup tensorflow")
  })

  it("takes a stock package with the addon of the newest Node-API", async () => {
    await putPackage("stock")
    await put("stock/lib/napi-v3/tfjs_binding.node")
    const binding = await put("stock/lib/napi-v10/tfjs_binding.node")
    await put("stock/lib/napi-v9/tfjs_binding.node")
    expect(search({ "@tensorflow/tfjs-node": "stock" })).toEqual({
      found: { source: "@tensorflow/tfjs-node", package: join(root, "stock"), binding },
      unusable: [],
    })
  })

  it("prefers what setup built, then the package for GPUs", async () => {
    for (const folder of ["cpu", "gpu"]) {
      await putPackage(folder)
      await put(`${folder}/lib/napi-v8/tfjs_binding.node`)
    }
    const packages = { "@tensorflow/tfjs-node": "cpu", "@tensorflow/tfjs-node-gpu": "gpu" }
    expect(search(packages).found?.source).toBe("@tensorflow/tfjs-node-gpu")
    await putPackage("setup/tfjs-node")
    await put("setup/tfjs_binding.node")
    expect(search(packages).found?.source).toBe("setup")
  })

  it("says what is wrong with a package whose install script failed, and one of another release", async () => {
    await putPackage("cpu")
    await putPackage("gpu", "4.20.0")
    const { found, unusable } = search({ "@tensorflow/tfjs-node": "cpu", "@tensorflow/tfjs-node-gpu": "gpu" })
    expect(found).toBeNull()
    expect(unusable).toEqual([
      { source: "@tensorflow/tfjs-node-gpu", problem: expect.stringContaining("version 4.20.0, expected 4.22.0") },
      { source: "@tensorflow/tfjs-node", problem: expect.stringContaining("native addon is missing") },
    ])
  })

  it("reports a setup that lacks files, and tries the next source", async () => {
    await putPackage("setup/tfjs-node")
    await putPackage("cpu")
    await put("cpu/lib/napi-v8/tfjs_binding.node")
    const { found, unusable } = search({ "@tensorflow/tfjs-node": "cpu" })
    expect(found?.source).toBe("@tensorflow/tfjs-node")
    expect(unusable).toEqual([{ source: "setup", problem: expect.stringContaining("lacks files of TensorFlow") }])
  })
})

describe("setupFolder", () => {
  it("follows XDG_CACHE_HOME where it is absolute", () => {
    expect(setupFolder({ XDG_CACHE_HOME: "/caches" }, "linux")).toBe("/caches/lllite/tensorflow")
    expect(setupFolder({ XDG_CACHE_HOME: "caches" }, "linux")).toMatch(/\/\.cache\/lllite\/tensorflow$/)
    expect(setupFolder({}, "darwin")).toMatch(/\/Library\/Caches\/lllite\/tensorflow$/)
  })
})
