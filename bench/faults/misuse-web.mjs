// What runtime-web offers outside of a browser, with right arguments, for `misuse.mjs`. It brings its own TensorFlow.js,
// so that it needs a process of its own.
import * as web from "../../packages/runtime-web/dist/index.js"
import { call, whole } from "./misuse-call.mjs"

/** Calls of the functions that need no page, and of those that say that they do. */
export async function webCalls() {
  const picture = { width: 4, height: 4, data: new Uint8Array(48) }
  const calls = [
    call("createWebRuntime", web.createWebRuntime, { backend: "wasm" }),
    call("encodePng of a browser", web.encodePng, picture, new Map()),
    call("writePng of a browser", web.writePng, "a.png", picture, new Map()),
    call("readPngInfo", web.readPngInfo, new Blob([new Uint8Array(30)])),
    call("readImage of a browser", web.readImage, new Blob([new Uint8Array(30)])),
    call("offersFloat16", web.offersFloat16, whole({ requestAdapter: async () => null })),
    call("openStored", web.openStored, "a"),
    call("removeStored", web.removeStored, "a"),
  ]
  return { calls, close() {} }
}
