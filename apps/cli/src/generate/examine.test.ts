import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { readRecord } from "../command/read-record.test-help.ts"
import { examineGeneration } from "./examine.ts"
import { GENERATE_OPTIONS } from "./options.ts"

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-examine-"))
})
afterAll(() => rm(folder, { recursive: true }))

it("lists the problems of all lines of a prompt file", async () => {
  const path = join(folder, "p.txt")
  await writeFile(path, "a --w x\n# b\nc --d y --zz 1\n")
  const reader = readRecord(GENERATE_OPTIONS, { ckpt: "tiny", from_file: path, outdir: folder })
  await expect(examineGeneration(reader).then(() => reader.finish())).rejects.toThrow(
    new RegExp(
      `"${path}": 3 problems:\\n  - line 1: --w is "x", .*\\n  - line 3: --d is "y", .*\\n  - line 3: "--zz 1" is not an option`,
    ),
  )
})
