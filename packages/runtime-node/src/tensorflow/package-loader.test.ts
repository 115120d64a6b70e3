import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as tf from "@tensorflow/tfjs"
import { afterEach, beforeEach, expect, it } from "vitest"
import type { TensorflowBinding } from "./binding.ts"
import { loadNodeBackendPackage } from "./package-loader.ts"

let folder = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-loader-"))
})
afterEach(() => rm(folder, { recursive: true }))

const put = async (path: string, content: string): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await writeFile(join(folder, path), content)
}

it("loads CommonJS with the given tfjs and the functions that node:util no longer has", async () => {
  await put("dist/register_all_kernels.js", 'require("./kernels/a"); require("./kernels/b")')
  await put("dist/kernels/a.js", 'globalThis.lllite_loaded = [require("../nodejs_kernel_backend").marker]')
  await put("dist/kernels/b.js", 'globalThis.lllite_loaded.push(require("../nodejs_kernel_backend").marker)')
  await put(
    "dist/nodejs_kernel_backend.js",
    `var tf = require("@tensorflow/tfjs"), util = require("util"), messages = require("./proto/api_pb"), fs = require("fs")
    exports.marker = {}
    exports.NodeJSKernelBackend = function (binding) {
      this.seen = [tf, binding, util.isNullOrUndefined(null), util.isNullOrUndefined(0), util.isArray([]), messages, fs.existsSync]
    }`,
  )
  const binding = { TF_Version: "2.21.0" } as TensorflowBinding
  const { seen } = loadNodeBackendPackage(folder, tf).createBackend(binding) as unknown as { seen: readonly unknown[] }
  expect(seen[0]).toBe(tf)
  expect(seen.slice(1, 6)).toEqual([binding, true, false, true, {}])
  expect(seen[6]).toBeTypeOf("function")
  // A file that two others require runs once.
  const { lllite_loaded: markers } = globalThis as unknown as { lllite_loaded: readonly unknown[] }
  expect(markers[0]).toBe(markers[1])
})
