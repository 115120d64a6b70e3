// Runs `lllite inspect` against servers that wait, lie and flood, with the limits that users have. Counts how it ends. Needs
// a build, and Node 22.18 or newer.
//   node bench/faults/servers.mjs [--together 6]
import { spawn } from "node:child_process"
import { readFile } from "node:fs/promises"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { HOSTILE_SERVERS } from "../../packages/format/test/hostile-servers.ts"

const { values } = parseArgs({ options: { together: { type: "string", default: "6" } } })
const main = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url))
const jobs = Object.keys(HOSTILE_SERVERS).flatMap((name) => [
  { name, what: "file", args: (origin) => [`${origin}/a.safetensors`], environment: () => ({}) },
  { name, what: "Hub", args: () => ["hf:owner/name"], environment: (origin) => ({ HF_ENDPOINT: origin }) },
])
const rows = []
await Promise.all(
  Array.from({ length: Number(values.together) }, async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) rows.push(await run(job))
  }),
)
rows.sort((a, b) => a.seconds - b.seconds)
for (const row of rows) console.log(JSON.stringify(row))
const worst = (of) => Math.max(...rows.map(of))
console.log(
  `${rows.length} runs: ${rows.filter(({ code }) => code === 1).length} ended with 1 and a sentence, ` +
    `${rows.filter(({ isKnown }) => !isKnown).length} with another text, ${rows.filter(({ code }) => code === null).length} did not end. ` +
    `Longest: ${worst(({ seconds }) => seconds)} s. Most memory: ${worst(({ mebibytes }) => mebibytes)} MiB.`,
)
if (rows.some(({ code, isKnown }) => code !== 1 || !isKnown)) process.exitCode = 1

async function run({ name, what, args, environment }) {
  const server = createServer(HOSTILE_SERVERS[name])
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  const origin = `http://127.0.0.1:${server.address().port}`
  const start = performance.now()
  const child = spawn(process.execPath, [main, "inspect", ...args(origin)], {
    env: { ...process.env, ...environment(origin) },
    stdio: ["ignore", "ignore", "pipe"],
  })
  let text = ""
  let mebibytes = 0
  child.stderr.on("data", (chunk) => (text += chunk))
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "")
    mebibytes = Math.max(mebibytes, Math.round(Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024))
  }, 100)
  const limit = setTimeout(() => child.kill("SIGKILL"), 300_000)
  const code = await new Promise((resolve) => child.once("close", resolve))
  clearInterval(timer)
  clearTimeout(limit)
  const seconds = Math.round((performance.now() - start) / 100) / 10
  server.closeAllConnections()
  server.close()
  const isKnown = /^lllite: [^\n]+\n$/.test(text) && !/unexpected error/.test(text)
  return { name, what, code, seconds, mebibytes, isKnown, text: text.trim() }
}
