import type { ChildProcess } from "node:child_process"
import { execFile, spawn } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { writePng } from "@lllite/runtime-node"
import { drawScene, makeScene } from "@lllite/tiny"
import { expect, it, onTestFinished } from "vitest"
import { freePort, withRedis } from "../../../packages/serve/test/redis.ts"

/* The commands of the guide to workers, with the built command. `turbo run build` comes first. */

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))
const guide = fileURLToPath(new URL("../../../docs/guides/workers.md", import.meta.url))

/** Starts a command that goes on, and waits until it prints a text. It is killed after the test. */
async function begun(command: string, cwd: string, text: string): Promise<AsyncIterator<string>> {
  const [program = "", ...args] = command.split(" ")
  const child: ChildProcess & { readonly stdout: NonNullable<ChildProcess["stdout"]> } = spawn(program, args, {
    ...{ cwd, stdio: ["ignore", "pipe", "ignore"] },
  })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await printed(lines, text)
  return lines
}

async function printed(lines: AsyncIterator<string>, text: string): Promise<void> {
  for (;;) {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`the command ended before it printed ${text}`)
    if (value.includes(text)) return
  }
}

it("starts Redis, a server and a worker, which does a job, and lets a worker make a data set", withRedis, async () => {
  const folder = await mkdtemp(join(tmpdir(), "lllite-guide-"))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [redisPort, port] = [await freePort(), await freePort()]
  const text = await readFile(guide, "utf8")
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) =>
    block.trim().replaceAll("6379", String(redisPort)).replaceAll("8188", String(port)),
  )
  expect(blocks).toHaveLength(7)
  const [redis = "", serve = "", work = "", request = "", maker = "", make = "", parked = ""] = blocks
  const here = (block: string): string =>
    (block.split("\n").at(-1) ?? "").replace(/^lllite /, `${process.execPath} ${main} `)
  await begun(`${redis} --port ${redisPort}`, folder, "Ready to accept connections")
  await begun(`${here(serve)} --port ${port}`, folder, "listening")
  const worker = await begun(here(work), folder, "working")
  const { stdout } = await promisify(execFile)("sh", ["-c", request])
  expect(JSON.parse(stdout)).toMatchObject({ state: "queued" })
  await printed(worker, '"how":"done"')
  for (let i = 0; i < 3; i++) await writePng(join(folder, "photos", `${i}.png`), drawScene(makeScene(4, i)))
  await begun(here(maker), folder, "working")
  const made = await promisify(execFile)("sh", ["-c", here(make)], { cwd: folder })
  expect(made.stdout).toContain('"event":"done","pairs":3,"made":3')
  for (const line of parked.split("\n")) {
    const { stdout: listed } = await promisify(execFile)("sh", ["-c", here(line)], { cwd: folder })
    expect(listed).toMatch(/^0 pieces (parked|given to workers again)\.$/m)
  }
})
