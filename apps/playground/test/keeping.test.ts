import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { readPngInfo } from "@lllite/runtime-web"
import type { Locator, Page } from "playwright-core"
import { beforeEach, describe, expect, it } from "vitest"
import { needsChromium } from "../../../packages/format/test/chromium.ts"
import { usePlayground } from "./playground.ts"

/** SHA-256 of a file of the built-in model. */
async function hashOf(name: string): Promise<string> {
  const file = new URL(`../../../packages/tiny/model/${name}.safetensors`, import.meta.url)
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex")
}

describe("what the playground keeps and restores", needsChromium, () => {
  const playground = usePlayground()
  const { open, ready, full, control, panel, forgetRequests } = playground
  let page: Page
  beforeEach(() => {
    page = playground.page
  })

  it("keeps pictures, the form and the sheet over a reload, and brings a removed picture back", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    const prompt = draw.getByRole("textbox", { name: "Prompt", exact: true })
    const pictures = draw.getByRole("button", { name: /^Show “/ })
    await draw.getByText("Each picture that you generate stays here", { exact: false }).waitFor()
    await draw.getByRole("textbox", { name: "Steps" }).fill("2")
    await page.getByTitle("Shape: ring").click()
    await page.getByRole("application").click({ position: { x: 60, y: 60 } })
    for (const text of ["a red heart", "a blue heart"]) {
      await prompt.fill(text)
      await draw.getByRole("button", { name: "Generate" }).click()
      await draw.getByRole("button", { name: `Show “${text}”, seed 7` }).waitFor()
      await full()
    }
    const drawn = await control()
    await prompt.fill("a yellow star")
    await draw.getByText("Made with other settings").waitFor()
    // The form is kept a moment after a change.
    await page.waitForTimeout(1500)
    await page.reload()
    await ready()
    await pictures.first().waitFor()
    expect(await prompt.inputValue()).toBe("a yellow star")
    expect(await control()).toBe(drawn)
    expect(await pictures.evaluateAll((all) => all.map((one) => one.getAttribute("title")))).toEqual([
      "“a blue heart”, seed 7",
      "“a red heart”, seed 7",
    ])
    await pictures.last().click()
    await draw.getByRole("button", { name: "Use them" }).click()
    expect(await prompt.inputValue()).toBe("a red heart")
    await draw.getByRole("button", { name: "Remove the picture" }).click()
    expect(await pictures.count()).toBe(1)
    await page.getByRole("button", { name: /^Undo: / }).click()
    expect(await pictures.count()).toBe(2)
    forgetRequests()
  })

  it("leaves a picture away that is removed while the one without control is made, and brings it back once", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    const pictures = draw.getByRole("button", { name: /^Show “/ })
    const remove = draw.getByRole("button", { name: "Remove the picture" })
    await draw.getByRole("textbox", { name: "Steps" }).fill("12")
    await draw.getByRole("button", { name: "Generate" }).click()
    await remove.click()
    expect(await page.locator(".draw").getAttribute("data-phase")).toBe("running")
    await full()
    expect(await pictures.count()).toBe(0)
    await page.getByRole("button", { name: /^Undo: / }).click()
    expect(await pictures.count()).toBe(1)
    // It is the one that is shown.
    expect(await pictures.first().getAttribute("aria-pressed")).toBe("true")
    await remove.waitFor()
  })

  it("sets everything that a saved picture was made with, and makes the same picture again", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    const prompt = draw.getByRole("textbox", { name: "Prompt", exact: true })
    await draw.getByRole("textbox", { name: "Steps" }).fill("3")
    await prompt.fill("a blue heart")
    await draw.getByRole("slider", { name: "Strength" }).fill("0.8")
    const shown = (): Promise<string> =>
      page.evaluate(() => document.querySelector<HTMLCanvasElement>(".result canvas")?.toDataURL() ?? "")
    const made = async (): Promise<string> => {
      await draw.getByRole("button", { name: "Generate" }).click()
      await draw.getByText(/^seed 7 · 3 steps · /).waitFor()
      await full()
      return shown()
    }
    const first = await made()
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      draw.getByRole("button", { name: "Save picture" }).click(),
    ])
    // The files of the picture are named by their hashes.
    const { text } = (await readPngInfo(new Blob([await readFile(await download.path())]))) ?? { text: new Map() }
    expect(JSON.parse(text.get("lllite-recipe") ?? "{}")).toMatchObject({
      model: { checkpoint: { path: "tiny", sha256: await hashOf("tiny-sdxl") } },
      adapters: [{ file: { sha256: await hashOf("lllite-canny") } }],
    })
    const drawn = await control()
    await draw.getByRole("button", { name: "Clear" }).click()
    await draw.getByRole("button", { name: "Reset" }).click()
    const steps = draw.getByRole("textbox", { name: "Steps" })
    await expect.poll(() => steps.inputValue(), { timeout: 60_000 }).toBe("8")
    await page.getByRole("button", { name: /^Undo: / }).click()
    await expect.poll(() => steps.inputValue(), { timeout: 60_000 }).toBe("3")
    await draw.getByRole("button", { name: "Reset" }).click()
    await prompt.fill("a red ring")
    await draw.getByRole("slider", { name: "Strength" }).fill("0")
    await page.locator(".boards input[type=file]").setInputFiles(await download.path())
    await page
      .getByRole("status")
      .getByText(/^The settings of .* are set\.$/)
      .waitFor()
    expect(await prompt.inputValue()).toBe("a blue heart")
    expect(await control()).toBe(drawn)
    expect(await draw.getByRole("slider", { name: "Strength" }).inputValue()).toBe("0.8")
    expect(await made()).toBe(first)
  })

  it("has the pictures and the form after the browser's Back, and after the next Generate", async () => {
    await open()
    await ready()
    await full()
    const draw = panel("Draw")
    const pictures = draw.getByRole("button", { name: /^Show “/ })
    const generate = async (text: string): Promise<void> => {
      await draw.getByRole("textbox", { name: "Prompt", exact: true }).fill(text)
      await draw.getByRole("button", { name: "Generate" }).click()
      await draw.getByRole("button", { name: `Show “${text}”, seed 7` }).waitFor()
      await full()
    }
    const shown = (): Promise<readonly (string | null)[]> =>
      pictures.evaluateAll((all) => all.map((one) => one.getAttribute("title")))
    await draw.getByRole("textbox", { name: "Steps" }).fill("2")
    await generate("a red heart")
    // The form is kept a moment after a change.
    await page.waitForTimeout(1500)
    await page.goto("about:blank")
    await page.goBack()
    await ready()
    await pictures.first().waitFor()
    expect(await shown()).toEqual(["“a red heart”, seed 7"])
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a red heart")
    expect(await draw.getByRole("textbox", { name: "Steps" }).inputValue()).toBe("2")
    await full()
    await generate("a blue heart")
    expect(await shown()).toEqual(["“a blue heart”, seed 7", "“a red heart”, seed 7"])
    // What is kept is the picture, and not its name alone.
    await pictures.last().click()
    await draw.getByText(/^seed 7 · 2 steps · /).waitFor()
    forgetRequests()
  })

  it("keeps the forms of two tabs apart, also of a copied tab, and opens a new tab with the last one", async () => {
    await open()
    const opened = async (features: string): Promise<Page> => {
      const coming = page.waitForEvent("popup")
      await page.evaluate((features) => void window.open(location.href, "_blank", features), features)
      const tab = await coming
      await tab.locator(".draw").waitFor()
      return tab
    }
    const promptOf = (tab: Page): Locator => tab.getByRole("textbox", { name: "Prompt", exact: true })
    const writeTo = async (tab: Page, text: string): Promise<void> => {
      await promptOf(tab).fill(text)
      const isKept = (): Promise<boolean> =>
        tab.evaluate(
          (text) =>
            new Promise<boolean>((resolve) => {
              indexedDB.open("lllite-playground").onsuccess = ({ target }) => {
                const { result: database } = target as IDBOpenDBRequest
                database.transaction("drafts").objectStore("drafts").getAll().onsuccess = ({ target }) => {
                  const { result } = target as IDBRequest<{ readonly recipe: { readonly prompt: string } }[]>
                  database.close()
                  resolve(result.some(({ recipe }) => recipe.prompt === text))
                }
              }
            }),
          text,
        )
      await expect.poll(isKept, { timeout: 60_000 }).toBe(true)
    }
    await writeTo(page, "a red star")
    // A window with an opener gets a copy of what its tab remembers.
    const copy = await opened("")
    await expect.poll(() => promptOf(copy).inputValue(), { timeout: 60_000 }).toBe("a red star")
    await writeTo(copy, "a blue ring")
    await page.reload()
    await expect.poll(() => promptOf(page).inputValue(), { timeout: 60_000 }).toBe("a red star")
    await copy.reload()
    await expect.poll(() => promptOf(copy).inputValue(), { timeout: 60_000 }).toBe("a blue ring")
    await writeTo(copy, "a yellow heart")
    await copy.close()
    await page.evaluate(() => sessionStorage.clear())
    await page.reload()
    await expect.poll(() => promptOf(page).inputValue(), { timeout: 60_000 }).toBe("a yellow heart")
    forgetRequests()
  })

  it("opens a link with settings, and says when one is damaged", async () => {
    const linked = btoa(
      '{"prompt":"a red ring","seed":12,"width":128,"height":128,"model":{"checkpoint":{"path":"tiny"}}}',
    )
    await open(`?backend=wasm#recipe=${linked}`)
    const draw = panel("Draw")
    await page.waitForFunction(() => location.hash === "")
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a red ring")
    expect(await draw.getByRole("textbox", { name: "Seed" }).inputValue()).toBe("12")
    await page.goto("about:blank")
    await open("?backend=wasm#recipe=eyJ")
    await page.getByRole("status").getByText("The settings of this link cannot be read").waitFor()
    // In the tab of the page, a link loads nothing anew.
    await draw.getByRole("textbox", { name: "Prompt", exact: true }).fill("a blue star")
    await open(`?backend=wasm#recipe=${linked}`)
    await page.getByRole("status").getByText("The settings of the link are set.").waitFor()
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a red ring")
    expect(new URL(page.url()).hash).toBe("")
    await page.getByRole("button", { name: /^Undo: / }).click()
    expect(await draw.getByRole("textbox", { name: "Prompt", exact: true }).inputValue()).toBe("a blue star")
    // A request that leaving the page has ended is not a failure.
    forgetRequests()
  })
})
