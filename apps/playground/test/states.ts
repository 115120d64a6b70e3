import { fileURLToPath } from "node:url"
import type { Messages } from "../src/language/messages.ts"
import type { Playground } from "./playground.ts"

const fileOf = (name: string): string => fileURLToPath(new URL(`../../../packages/tiny/model/${name}`, import.meta.url))
const LLLITE = fileOf("lllite-canny.safetensors")
const TINY = fileOf("tiny-sdxl.safetensors")
const SVG = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><path d="M4 4h12v12H4z"/></svg>',
)

/**
 * Brings the page into one state after another, from the first picture to the file tools. The page is open already, and
 * speaks the language of the words.
 *
 * @param visit called in each state, with its name
 */
export async function visitStates(
  { page, ready, full, panel }: Playground,
  words: Messages,
  visit: (state: string) => Promise<void>,
): Promise<void> {
  const { controls, draw: drawing, files, models, page: whole, train } = words
  await ready()
  await full()
  const draw = panel("Draw")
  await visit("drawn")
  await draw.getByRole("textbox", { name: drawing.prompt, exact: true }).fill("a red cat and 猫")
  await draw.getByRole("textbox", { name: drawing.steps }).fill("0")
  for (const summary of await draw.locator("summary").all()) await summary.click()
  await draw.getByRole("button", { name: controls.add, exact: true }).click()
  await visit("all settings")
  await draw.getByRole("textbox", { name: drawing.steps }).fill("1000")
  await draw.getByRole("button", { name: drawing.generate, exact: true }).click()
  await draw.getByRole("button", { name: whole.stop, exact: true }).waitFor()
  await visit("running")
  await draw.getByRole("button", { name: whole.stop, exact: true }).click()
  await draw.getByText(drawing.stopped).first().waitFor()
  await visit("stopped")
  await draw.getByRole("textbox", { name: drawing.steps }).fill("2")
  await draw.getByRole("button", { name: drawing.generate, exact: true }).click()
  await full()
  // A phone shows one board large.
  const swap = draw.getByRole("button", { name: drawing.showPicture })
  if (await swap.isVisible()) await swap.click()
  await draw.getByText(drawing.compare, { exact: true }).click()
  await draw.getByRole("button", { name: drawing.copyAs, exact: true }).click()
  await visit("compared, with a menu")
  await page.keyboard.press("Escape")
  await draw.getByRole("button", { name: controls.removeNumbered(2) }).click()
  await visit("removed")
  await draw.getByRole("button", { name: drawing.sweep, exact: true }).click()
  const sweep = page.getByRole("dialog", { name: drawing.sweepTitle })
  await sweep.getByRole("button", { name: drawing.makePictures }).click()
  await sweep.getByRole("button", { name: drawing.showCell(drawing.cellOf(0.25, "7")) }).waitFor()
  await visit("sweep")
  await sweep.getByRole("button", { name: whole.close, exact: true }).click()
  await page.locator(".model-button").click()
  await page.getByLabel(models.openCheckpoint).setInputFiles(TINY)
  await page.getByRole("button", { name: models.openIt, exact: true }).waitFor()
  await visit("model")
  await page.getByLabel(models.address).fill("cat")
  await page.getByRole("button", { name: models.look, exact: true }).click()
  await page.locator(".model-details .problem").first().waitFor()
  await visit("no model")
  await page.keyboard.press("Escape")
  await draw.getByLabel(controls.fromFile).setInputFiles({ name: "box.svg", mimeType: "image/svg+xml", buffer: SVG })
  await draw.getByRole("button", { name: controls.paintMask }).click()
  const mask = page.getByRole("dialog", { name: controls.maskTitle })
  await mask.getByRole("button", { name: controls.invert }).click()
  await mask.getByText(controls.maskShare(100)).waitFor()
  await visit("mask")
  await mask.getByRole("button", { name: controls.done }).click()
  await draw.getByText(controls.startOf("box.svg", true)).waitFor()
  const back = draw.getByRole("button", { name: drawing.showDrawing })
  if (await back.isVisible()) await back.click()
  await draw
    .getByLabel(drawing.openPicture)
    .setInputFiles({ name: "scan.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7 of a scan") })
  await draw.locator(".below-boards .problem").waitFor()
  await visit("start, and a wrong file")
  await page.getByRole("tab", { name: whole.train }).click()
  await page.locator(".plan").getByText("MiB").waitFor()
  await panel("Train").locator("summary").click()
  await panel("Train").getByLabel(train.optimizer).selectOption("prodigy")
  await panel("Train").getByRole("textbox", { name: train.numbers.batchSize }).fill("none")
  await visit("train")
  await page.getByRole("tab", { name: whole.files }).click()
  await visit("files")
  await panel("Files").getByLabel(files.open).setInputFiles(LLLITE)
  await page.locator(".identity").waitFor()
  await panel("Files").getByText(files.merge, { exact: true }).click()
  await panel("Files").getByLabel(files.openSecond).setInputFiles(LLLITE)
  await panel("Files").getByRole("button", { name: files.mergeRun }).click()
  await panel("Files").locator(".outcome").waitFor()
  await panel("Files").locator("summary").last().click()
  await visit("merged")
  await panel("Files")
    .getByLabel(files.open)
    .setInputFiles({
      ...{ name: "old.ckpt", mimeType: "application/octet-stream" },
      buffer: Buffer.from("PK\u0003\u0004 and so on"),
    })
  await panel("Files").locator(".problem").waitFor()
  await visit("wrong file")
}
