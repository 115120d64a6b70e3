import { execFile, spawnSync } from "node:child_process"
import { promisify } from "node:util"
import { describe, it } from "vitest"
import { needs } from "./needs.ts"

/** Which Python to ask: LLLITE_PYTHON, or python3. */
const interpreter = process.env.LLLITE_PYTHON ?? "python3"

/** Runs a program with JSON on its input, and gives the JSON that it prints. */
export function runPython<T>(program: string, input: unknown): T {
  const { status, stdout, stderr } = spawnSync(interpreter, ["-c", program], {
    input: JSON.stringify(input),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  })
  if (status !== 0) throw new Error(`${interpreter} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout) as T
}

/** Runs a program with arguments, and gives the JSON that it prints. Meanwhile this process goes on. */
export async function askPython<T>(program: string, args: readonly string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(interpreter, ["-c", program, ...args], { maxBuffer: 2 ** 28 })
  return JSON.parse(stdout) as T
}

/** A suite that needs Python packages. Without them, it is one skipped test. */
export function describeWithPython(name: string, packages: readonly string[], suite: () => void): void {
  const { status } = spawnSync(interpreter, ["-c", packages.map((name) => `import ${name}`).join("\n")])
  const what = `${packages.join(" and ")} in ${interpreter}. LLLITE_PYTHON names another one`
  describe(name, status === 0 ? suite : () => it("is not run", needs(what, false), () => {}))
}
