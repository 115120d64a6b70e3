// A worker in a process of its own, so that tests can kill it: node worker-program.mjs REDIS NAME LOST_SECONDS
// Its pictures are texts. The prompt says what happens: "poison" kills the process, "slow" takes a second, and "stuck" does not end.
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { startWorker } from "../dist/index.js"

const [, , url, name, lostSeconds] = process.argv

const runner = {
  checkCommand: async () => {},
  command: async () => [],
  dispose: async () => {},
  async generate({ input: { recipes }, folder }) {
    const files = recipes.map((recipe, i) => ({
      path: join(folder, `${i}.txt`),
      recipe: i,
      text: JSON.stringify(recipe),
    }))
    for (const { path, text } of files) {
      if (text.includes("poison")) process.kill(process.pid, "SIGKILL")
      if (text.includes("stuck")) await new Promise(() => {})
      if (text.includes("slow")) await new Promise((resolve) => setTimeout(resolve, 1000))
      await writeFile(path, text)
    }
    return files
  },
}

const worker = await startWorker({
  redis: { url },
  name,
  library: { list: async () => [] },
  createRunner: () => runner,
  lostSeconds: Number(lostSeconds),
  onEvent: (event) => process.send?.(event),
})
process.send?.({ kind: "ready" })
process.on("SIGTERM", async () => {
  await worker.close()
  process.exit()
})
