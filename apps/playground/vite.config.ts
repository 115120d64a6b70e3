import { defineConfig, type Plugin } from "vite"

/**
 * What the page may do: its own scripts, WebAssembly, its own worker and files, and nothing from elsewhere. It stands
 * in the page itself, so that it holds on any static host.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "img-src 'self' blob:",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ")

const policy: Plugin = {
  name: "playground:policy",
  // The development server puts scripts and styles of its own into the page.
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
    { tag: "meta", attrs: { name: "referrer", content: "no-referrer" }, injectTo: "head-prepend" },
  ],
}

/** Isolates the page from others. Nothing in it depends on that, so a host that cannot send headers will do. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "X-Content-Type-Options": "nosniff",
}

export default defineConfig({
  // Relative addresses: the page may lie in any folder of a host.
  base: "./",
  plugins: [policy],
  build: { target: "es2023", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  worker: { format: "es" },
  server: { headers },
  preview: { headers: { ...headers, "Content-Security-Policy": `${POLICY}; frame-ancestors 'none'` }, port: 4173 },
})
