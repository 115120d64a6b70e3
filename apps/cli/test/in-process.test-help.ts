import { vi } from "vitest"
import { runProgram } from "../src/program.ts"

/** What a command line ended with. */
export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line in this process, one at a time. Starting the command takes longer than most command lines. */
export async function runHere(args: readonly string[]): Promise<Outcome> {
  const output = { stdout: "", stderr: "" }
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      output[name] += String(text)
      return true
    }),
  )
  try {
    return { code: await runProgram(args), ...output }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
