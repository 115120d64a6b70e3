import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { defineConfig, type Plugin } from "vite"

/** A content security policy. It allows the page's scripts, worker and files, and WebAssembly. */
const policyOf = (connections: string): string =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    `connect-src ${connections}`,
    "img-src 'self' blob:",
    "style-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ")

/** The policy of the page allows no other host. It is part of the page, so it holds on every static host. */
const POLICY = policyOf("'self'")
/** The policy of a host's headers holds for workers, too. They download the checkpoints that a user names. */
const HEADER_POLICY = policyOf("'self' https:")

const policy: Plugin = {
  name: "playground:policy",
  // The development server adds scripts and styles to the page, which this policy would refuse.
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
    { tag: "meta", attrs: { name: "referrer", content: "no-referrer" }, injectTo: "head-prepend" },
  ],
}

/** The service worker gets the names of all files. It has the same name in every version, as browsers expect. */
const SERVICE_WORKER = "service-worker.js"
const offline: Plugin = {
  name: "playground:offline",
  apply: "build",
  generateBundle: {
    order: "post",
    handler(_, bundle) {
      const worker = bundle[SERVICE_WORKER]
      if (worker?.type !== "chunk") this.error("the service worker is not built")
      const files = Object.keys(bundle).filter((name) => name !== SERVICE_WORKER && !name.endsWith(".html"))
      worker.code = `const FILES = ${JSON.stringify([...files, "favicon.svg"])};\n${worker.code}`
    },
  },
}

/** A host that compresses does not send the size of a file, so the bar of the download has it from here. Recipes have the hash. */
const TINY = createRequire(import.meta.url).resolve("@lllite/tiny/tiny-sdxl.safetensors")

/** Isolates the page from others. The page does not depend on this, so a host without such headers works, too. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "X-Content-Type-Options": "nosniff",
}

export default defineConfig({
  // Addresses are relative, so the page may lie in any folder of a host.
  base: "./",
  plugins: [policy, offline],
  define: {
    TINY_BYTES: String(statSync(TINY).size),
    TINY_SHA256: JSON.stringify(createHash("sha256").update(readFileSync(TINY)).digest("hex")),
  },
  build: {
    ...{ target: "es2023", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
    rolldownOptions: {
      input: { index: "index.html", "service-worker": "src/offline/service-worker.ts" },
      output: {
        entryFileNames: ({ name }) => (name === "service-worker" ? SERVICE_WORKER : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: { format: "es" },
  server: { headers },
  preview: {
    headers: { ...headers, "Content-Security-Policy": `${HEADER_POLICY}; frame-ancestors 'none'` },
    port: 4173,
  },
})
