import type { OptionTable } from "@lllite/runtime-node/options"
import { integer } from "@lllite/runtime-node/options"
import { afterEach, describe, expect, it, vi } from "vitest"
import { defineCommand } from "./command.ts"

const options = { steps: integer({ help: "", min: 1 }) } satisfies OptionTable
const TWICE = "--steps appears twice or more. The last value is used."

afterEach(() => vi.restoreAllMocks())

/** Runs a command. @returns its notes, and what it wrote to stderr */
async function run(saysNotes: boolean, ...argv: string[]) {
  const written: string[] = []
  vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0)
  const said: unknown[] = []
  const spec = { name: "test", description: "", options, saysNotes }
  const command = defineCommand({
    ...spec,
    run: async (reader) => void said.push(reader.finish().steps, ...reader.notes),
  })
  await command.invoke(argv, new AbortController().signal)
  return { said, written }
}

describe("a command", () => {
  it("says which options appear twice, on stderr or among its own notices", async () => {
    const argv = ["--steps", "4", "--steps", "8"]
    expect(await run(false, ...argv)).toEqual({ said: [8, TWICE], written: [`Note: ${TWICE}\n`] })
    expect(await run(true, ...argv)).toEqual({ said: [8, TWICE], written: [] })
    expect(await run(false, "--steps", "4")).toEqual({ said: [4], written: [] })
  })
})
