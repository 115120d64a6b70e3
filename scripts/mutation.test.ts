import { existsSync, readdirSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"
import { PARTS } from "./mutation/parts.mjs"

const root = fileURLToPath(new URL("..", import.meta.url))

it.each(Object.entries(PARTS))("mutation testing of %s has its code and its tests", (part, tests) => {
  expect(existsSync(join(root, part))).toBe(true)
  for (const pattern of tests) {
    if (pattern.endsWith("/**/*.test.ts")) {
      const folder = join(root, dirname(dirname(pattern)))
      const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
      expect(names.some((name) => name.endsWith(".test.ts"))).toBe(true)
      continue
    }
    const names = /\{(.*)\}/.exec(pattern)?.[1]?.split(",") ?? [""]
    const paths = names.map((name) => join(root, pattern.replace(/\{.*\}/, name)))
    expect(paths.filter((path) => !existsSync(path) || !statSync(path).isFile())).toEqual([])
  }
})
