// Calls runtime-web in Chromium with wrong arguments, for `misuse.mjs`.
import { fileURLToPath } from "node:url"

/** Sweeps through `misuse-web.mjs` in a page. See `sweep`. */
export async function sweepPage({ only, taken, print }) {
  const { openWebPage } = await import("../../packages/runtime-web/test/web-page.ts")
  const web = await openWebPage({ work: fileURLToPath(new URL(".", import.meta.url)) })
  try {
    await web.page.exposeFunction("print", print)
    return await web.page.evaluate(
      async ({ only, taken }) => {
        // Addresses of the page, which no bundler is to look for.
        const load = (name) => import(`/work/${name}`)
        const [{ sweep }, { webCalls }] = [await load("misuse-sweep.mjs"), await load("misuse-web.mjs")]
        const { CoreError, FormatError, WebRuntimeError } = window.web
        const isOurs = (error) => [CoreError, FormatError, WebRuntimeError].some((kind) => error instanceof kind)
        const { calls, close } = await webCalls(window)
        try {
          return await sweep(calls, { only, taken, isOurs, print: window.print })
        } finally {
          await close()
        }
      },
      { only, taken },
    )
  } finally {
    await web.close()
  }
}
