import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import type { AxeResults } from "axe-core"
import type { Page } from "playwright-core"
import { beforeAll, beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { longOnly } from "../../../packages/format/test/needs.ts"
import { english } from "../src/language/english/index.ts"
import { usePlayground } from "./playground.ts"
import { visitStates } from "./states.ts"

describe("the playground for everyone", needsChromium, () => {
  const playground = usePlayground()
  const { open } = playground
  let page: Page
  let axe: string
  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
  })
  beforeEach(() => {
    page = playground.page
  })

  /** What axe-core finds wrong, as `rule: place`. */
  const problems = async (): Promise<readonly string[]> => {
    const results = await page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run: () => Promise<AxeResults> } }
      return axe.run()
    })
    return results.violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`))
  }

  type Look = readonly [colours: "light" | "dark", width: number, height: number, forced: "none" | "active"]
  const isSound = async (...[colorScheme, width, height, forcedColors]: Look): Promise<void> => {
    await page.emulateMedia({ colorScheme, forcedColors })
    await page.setViewportSize({ width, height })
    await open()
    await page.evaluate(axe)
    const found: Record<string, readonly string[]> = {}
    await visitStates(playground, english, async (state) => {
      found[state] = await problems()
    })
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((state) => [state, []])))
  }
  const NAME = "has no fault in any state, in %s colours at %d × %d, forced: %s"
  it.each<Look>([
    ["light", 1280, 800, "none"],
    ["dark", 390, 844, "active"],
  ])(NAME, isSound)
  it.each<Look>([
    ["dark", 1366, 768, "none"],
    ["light", 390, 844, "none"],
  ])(NAME, longOnly, isSound)
})
