// The packages of machines, of files and of servers, with right arguments, for `misuse.mjs`. No device is needed.
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import * as tf from "@tensorflow/tfjs"
import * as ops from "../../packages/core/dist/ops.js"
import * as training from "../../packages/core/dist/training.js"
import * as edit from "../../packages/format/dist/edit.js"
import * as health from "../../packages/format/dist/health.js"
import * as identify from "../../packages/format/dist/identify.js"
import * as format from "../../packages/format/dist/index.js"
import { buildLlliteMetadata } from "../../packages/format/dist/modelspec.js"
import * as selections from "../../packages/format/dist/selections.js"
import * as write from "../../packages/format/dist/write.js"
import * as ranks from "../../packages/ranks/dist/index.js"
import * as serve from "../../packages/serve/dist/index.js"
import { createWasmOps } from "../../packages/wasm/dist/index.js"
import * as webgpu from "../../packages/webgpu/dist/index.js"
import { bytesOf, call, whole } from "./misuse-call.mjs"
import { controlNetFile } from "./misuse-fixtures.mjs"
import { verbCalls } from "./misuse-networks.mjs"

const canny = new URL("../../packages/tiny/model/lllite-canny.safetensors", import.meta.url)

/** Starts the backend wasm, and gives calls of its ops and of the small functions of other packages. */
export async function machineCalls() {
  const place = createRequire(new URL("../../packages/wasm/", import.meta.url)).resolve("@tensorflow/tfjs-backend-wasm")
  const { setWasmPaths } = await import(pathToFileURL(place).href)
  setWasmPaths(join(dirname(place), "/"))
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false)
  await tf.setBackend("wasm")
  const composed = whole(ops.createComposedOps({ products: "looped" }))
  const wasm = whole(await createWasmOps(composed))
  const bytes = new Uint8Array(await readFile(canny))
  const file = whole(await format.openSafetensors(bytes))
  const lllite = whole(await format.readLllite(bytes))
  // One site, which is resized in a moment.
  const [kept] = lllite.sites
  const pruned = edit.pruneLllite(lllite, ({ key }) => key === kept.key)
  const small = whole(await format.readLllite(await bytesOf(write.safetensorsChunks(pruned.tensors, pruned.metadata))))
  const layout = format.SDXL_LAYOUT
  const narrow = { modelChannels: 64, channelMult: [1, 1, 2], transformerDepth: [0, 1, 1], middleDepth: 1 }
  const { label, entries } = controlNetFile({ layout: narrow, outChannels: 4, contextDim: 40, pooledDim: 16 })
  const net = whole({ label, tensors: entries })
  const site = whole({ ...selections.enumerateSites(layout)[0] })
  const dims = { condDim: 4, mlpDim: 4 }
  const store = whole({ read: async () => null, write: async () => {} })
  const device = whole({
    vendor: "a",
    architecture: "b",
    description: "c",
    matrices: [],
    dispose() {},
    device: { features: new Set(["shader-f16"]) },
  })
  const checks = whole({ half: async () => null, storage: async () => null, matrices: async () => null })
  const [certificate, key] = await certificateAndKey()
  const values = new Float32Array(4)
  const state = training.initOptimizer({ name: "adamw" })
  const tensors = new Map([["a", { dtype: "F32", shape: [1], bytes: new Uint8Array(4) }]])
  const source = whole(format.fromBytes(bytes))
  const head = new TextEncoder().encode('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
  const verbs = await verbCalls(wasm, ops)
  const calls = [
    ...verbs.map((each) => ({ ...each, name: `wasm ${each.name}` })),
    call("createWasmOps", createWasmOps, composed),

    call("areTiles", webgpu.areTiles, {}),
    call("versionOf", webgpu.versionOf, device),
    call("keptChecks", webgpu.keptChecks, store),
    call("keptTiles", webgpu.keptTiles, store, "a", async () => webgpu.DEFAULT_TILES),
    call("startOnPaths", webgpu.startOnPaths, async () => device, checks, "F32"),
    call("startWebgpu", webgpu.startWebgpu, whole({ requestAdapter: async () => null }), {
      software: true,
      features: [],
    }),
    call("createWebgpuOps", webgpu.createWebgpuOps, composed, { weights: "file", precision: "F32" }),
    call("createWebgpuAdamW", webgpu.createWebgpuAdamW, values, state, whole({})),
    call("loadWebgpuOptimizer", webgpu.loadWebgpuOptimizer, values, state, { name: "adamw" }, []),
    call("checkHalf", webgpu.checkHalf, composed),
    call("checkMatrices", webgpu.checkMatrices, composed),
    call("checkStorage", webgpu.checkStorage, composed),
    call("tuneProducts", webgpu.tuneProducts),
    call("tuneMatrices", webgpu.tuneMatrices),

    call("findModel", serve.findModel, [{ name: "a", path: "/a" }], "a"),
    call("errorText", serve.errorText, new Error("x"), { root: "", log: "the server" }),
    call("addressText", ranks.addressText, { host: "a", port: 1 }),
    call("checkAuthority", ranks.checkAuthority, certificate),
    call("checkTls", ranks.checkTls, { certificate, key }),

    call("fromBytes", format.fromBytes, bytes, "x"),
    call("fromBlob", format.fromBlob, new Blob([bytes]), "x"),
    call("toSource", format.toSource, bytes),
    call("readExactly", format.readExactly, source, 0, 4),
    call("parseHeader", format.parseHeader, head, 8 + head.length + 4, "x"),
    call("isDtype", format.isDtype, "F32"),
    call("isReadableDtype", format.isReadableDtype, "F32"),
    call("toFloat32", format.toFloat32, new Uint8Array(4), "F32"),
    call("safeText", format.safeText, "a"),
    call("llliteOf", format.llliteOf, file, {}),
    call("dimsOf", format.dimsOf, dims),
    call("isSiteTensorName", format.isSiteTensorName, "up.0.weight"),
    call("siteTensorShapes", format.siteTensorShapes, site, dims),
    call("siteTensorKey", format.siteTensorKey, site, "up.0.weight"),
    call("siteParameterCount", format.siteParameterCount, site, dims),
    call("adapterParameterCount", format.adapterParameterCount, [whole({ ...site, ...dims })]),
    call("conditionerKernels", format.conditionerKernels, 1, "pixel"),
    call("siteTable", format.siteTable, layout),
    call("sameLayout", format.sameLayout, layout, layout),
    call("unetTable", format.unetTable, layout),
    call("unetFigure", format.unetFigure, layout),
    call("textBlockFigure", format.textBlockFigure, "text1", 0, 8),
    call("loraKey", format.loraKey, { network: "unet", path: site.path }),

    call("createSha256", (given) => edit.createSha256().update(given), new Uint8Array(4)),
    call("changeMetadata", edit.changeMetadata, new Map([["a", "b"]]), { set: new Map(), remove: [] }),
    call("missingMetadata", edit.missingMetadata, lllite, "x"),
    call("withMetadata", edit.withMetadata, bytes, new Map()),
    call("resizeLllite", edit.resizeLllite, small, { dims: { mlpDim: 4 } }),
    call("sdScriptsProblem", edit.sdScriptsProblem, lllite),
    call("controlValuesOf", health.controlValuesOf, lllite),
    call(
      "siteStrength",
      health.siteStrength,
      site,
      (name) => new Float32Array(write.safetensorsSize ? 1 : name.length),
    ),
    call("controlFileKind", identify.controlFileKind, file),
    call("expectLllite", identify.expectLllite, file),
    call("expectControlNet", identify.expectControlNet, net),
    call("readControlNet", identify.readControlNet, net),
    call("readCheckpointTraits", identify.readCheckpointTraits, file),
    call("describesPacking", identify.describesPacking, "a"),
    call("scaleNameOf", identify.scaleNameOf, new Map(), "a.weight"),
    call("controlTypesOf", identify.controlTypesOf, { types: 6 }),
    call("controlTypeProblem", identify.controlTypeProblem, { types: 6 }, "canny"),
    call("compareSites", selections.compareSites, [site], [site]),
    call("findSelection", selections.findSelection, [site], layout),
    call("parameterCount", selections.parameterCount, [site], dims),
    call(
      "takesSite",
      selections.takesSite,
      whole({ ...selections.findSelection(selections.enumerateSites(layout), layout) }),
      site,
    ),
    call("fromFloat32", write.fromFloat32, values, "F16"),
    call("countOverflow", write.countOverflow, values, "F16"),
    call("float32BitsToFloat16", write.float32BitsToFloat16, 1),
    call("safetensorsSize", write.safetensorsSize, tensors, new Map()),
    call(
      "safetensorsChunks",
      drained(write.safetensorsChunks),
      new Map([["a", { dtype: "F32", shape: [1], bytes: () => new Uint8Array(4) }]]),
      new Map(),
    ),
    call("llliteChunks", drained(write.llliteChunks), { sites: [], values: () => new Float32Array(), dtype: "F32" }),
    call("buildLlliteMetadata", buildLlliteMetadata, { title: "x" }),
  ]
  return { calls, close() {} }
}

function drained(run) {
  return async (...args) => {
    for await (const _ of run(...args));
  }
}

/** The certificate of the tests of ranks, and its key. */
async function certificateAndKey() {
  const text = await readFile(new URL("../../packages/ranks/test/certificate.ts", import.meta.url), "utf8")
  return [/-----BEGIN CERTIFICATE-----[^`]*/, /-----BEGIN [A-Z ]*PRIVATE KEY-----[^`]*/].map(
    (form) => form.exec(text)[0],
  )
}
