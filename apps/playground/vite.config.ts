import { defineConfig, type Plugin } from "vite"

/**
 * The content security policy of the page. It allows the page's scripts, worker and files, and WebAssembly. It allows
 * no other host. The policy is part of the page, so it holds on every static host.
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
  // The development server adds scripts and styles to the page, which this policy would refuse.
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: POLICY }, injectTo: "head-prepend" },
    { tag: "meta", attrs: { name: "referrer", content: "no-referrer" }, injectTo: "head-prepend" },
  ],
}

/** Isolates the page from others. The page does not depend on this, so a host without such headers works, too. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "X-Content-Type-Options": "nosniff",
}

export default defineConfig({
  // Addresses are relative, so the page may lie in any folder of a host.
  base: "./",
  plugins: [policy],
  build: { target: "es2023", modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  worker: { format: "es" },
  server: { headers },
  preview: { headers: { ...headers, "Content-Security-Policy": `${POLICY}; frame-ancestors 'none'` }, port: 4173 },
})
