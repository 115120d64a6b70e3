// Sends hostile requests to a server whose pictures cost nothing: bodies of every route that are cut, changed or of other
// shapes, names that lead out of its folder, and addresses. Counts the answers, and whether anything outside was reached.
// Needs a build, and Node 22.18 or newer.
//   node bench/faults/serve.mjs [--count 10000] [--seed 1]
import { copyFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { startServer } from "../../packages/serve/dist/index.js"
import { attack, layBait } from "../../packages/serve/test/under-attack.ts"

const { values } = parseArgs({
  options: { count: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
})
const folder = await mkdtemp(join(tmpdir(), "lllite-hostile-"))
const bait = await layBait(join(folder, "outside"))
const drawn = new URL("../../docs/sheet.png", import.meta.url)
const server = await startServer({
  ...{ folder: join(folder, "server"), port: 0, version: "0.0.0", limits: { queue: 100_000, keptJobs: 100 } },
  library: {
    list: async (kind) => (kind === "adapter" ? [{ name: "canny.safetensors", path: "/m/canny.safetensors" }] : []),
  },
  runner: {
    checkCommand: async () => {},
    command: async () => [],
    dispose: async () => {},
    async generate({ input, folder: into }) {
      const files = input.recipes.map((_, recipe) => ({ path: join(into, `${recipe}.png`), recipe }))
      for (const { path } of files) await copyFile(drawn, path)
      return files
    },
  },
})
try {
  const start = performance.now()
  const report = await attack(server.url, { seed: Number(values.seed), count: Number(values.count), bait })
  for (const [trick, counts] of Object.entries(report.answers)) console.log(JSON.stringify({ trick, ...counts }))
  for (const text of report.wrong) console.log(text)
  const { status } = await (await fetch(`${server.url}/health`)).json()
  const rss = Math.round(process.memoryUsage().rss / 2 ** 20)
  console.log(
    JSON.stringify({
      ...{ requests: Number(values.count), wrong: report.wrong.length, fetched: report.fetched, afterwards: status },
      ...{ seconds: Math.round((performance.now() - start) / 1000), slowest: report.slowest, mebibytes: rss },
    }),
  )
  if (report.wrong.length > 0 || report.fetched > 0) process.exitCode = 1
} finally {
  await server.close()
  await bait.close()
  await rm(folder, { recursive: true, force: true })
}
