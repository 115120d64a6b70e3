import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { workspaceFiles } from "./workspace-files.ts"

const root = fileURLToPath(new URL("../", import.meta.url))

/* The tests of scripts/shared-tests.ts. */

/** What changes a process for the files that run after, and what takes it back. Null: nothing does. */
const CHANGES: readonly (readonly [change: RegExp, takenBack: RegExp | null])[] = [
  [/vi\.(mock|doMock|resetModules)\(/, null],
  [/process\.(chdir\(|env(\.\w+|\[.+?\]) \??\??=[^=])/, null],
  [/vi\.stub(Env|Global)\(/, /vi\.unstubAll(Envs|Globals)\(/],
  [/vi\.useFakeTimers\(/, /vi\.useRealTimers\(/],
  [/vi\.spyOn\((process|console|performance|globalThis|Date|Math)\b/, /mockRestore\(|restoreAllMocks\(/],
]

/** The changes in a file that it does not take back. */
function changesOf(text: string): readonly string[] {
  return CHANGES.flatMap(([change, takenBack]) => (takenBack?.test(text) ? [] : (change.exec(text)?.slice(0, 1) ?? [])))
}

it("leave the process as they found it", () => {
  const files = workspaceFiles(/^packages\/(format|tiny)\/(src|test)\/.*(?<!\/lllite-error)\.test\.ts$/)
  expect(files.length).toBeGreaterThan(60)
  const found = files.map((path) => [path, changesOf(readFileSync(root + path, "utf8"))] as const)
  expect(found.filter(([, changes]) => changes.length > 0)).toEqual([])
})

it("are seen where they do not", () => {
  expect(changesOf('vi.mock("node:fs")')).toEqual(["vi.mock("])
  expect(changesOf('process.env.HOME = "/"')).toEqual(["process.env.HOME = "])
  expect(changesOf('if (process.env.HOME === "/") return')).toEqual([])
  expect(changesOf("vi.useFakeTimers()")).toEqual(["vi.useFakeTimers("])
  expect(changesOf('vi.spyOn(console, "log")')).toEqual(["vi.spyOn(console"])
  expect(changesOf("vi.useFakeTimers()\nvi.useRealTimers()")).toEqual([])
})
