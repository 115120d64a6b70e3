import { expect, it } from "vitest"
import { datasetOfFolders } from "./dataset-config.ts"
import { createEntryTable } from "./entry-table.ts"
import { createFitter } from "./fit-pair.ts"
import { createPairTable } from "./pair-table.ts"

/** A folder of pairs of 64 x 64 pixels, each with its name as its caption. */
function folder(imageDir: string, names: readonly string[], numRepeats: number) {
  const options = { imageDir, conditioningDataDir: "controls", resolution: 64, numRepeats }
  const [group] = datasetOfFolders(options).groups
  const [subset] = group?.subsets ?? []
  if (group === undefined || subset === undefined) throw new Error("there is no folder")
  const writer = createPairTable({ ...subset, rules: subset.captions }, { images: names, controls: names })
  for (const [index, caption] of names.entries()) writer.put(index, { caption, width: 64, height: 64 })
  return { pairs: writer.table(), subset, fitter: createFitter(group), group }
}

it("counts examples folder by folder, with the repeats of a picture side by side", () => {
  const entries = createEntryTable([folder("a", ["1", "2"], 3), folder("none", [], 5), folder("b", ["3"], 2)])
  expect([entries.length, entries.examples]).toEqual([3, 8])
  const examples = Array.from({ length: 8 }, (_, index) => index)
  expect(examples.map(entries.pictureOf)).toEqual([0, 0, 0, 1, 1, 1, 2, 2])
  expect(examples.map(entries.firstOf)).toEqual([0, 0, 0, 3, 3, 3, 6, 6])
  expect(examples.map((index) => entries.textOfExample(index).caption)).toEqual([
    "1",
    "1",
    "1",
    "2",
    "2",
    "2",
    "3",
    "3",
  ])
  const images = ["a/1", "a/2", "b/3"]
  expect([...entries].map(({ pair }) => pair.image)).toEqual(images)
  expect([0, 1, 2].map((picture) => entries.at(picture))).toEqual([...entries])
  expect(examples.map((index) => entries.ofExample(index).pair.image)).toEqual(
    [0, 0, 0, 1, 1, 1, 2, 2].map((i) => images[i]),
  )
  expect([...entries].map(({ picture }) => picture)).toEqual([0, 1, 2])
})

it("refuses numbers that it does not have", () => {
  const entries = createEntryTable([folder("a", ["1"], 2)])
  for (const index of [-1, 2, Number.NaN]) {
    expect(() => entries.ofExample(index)).toThrow(`there is no example ${index} of 2`)
  }
  for (const picture of [-1, 1, Number.NaN]) {
    expect(() => entries.at(picture)).toThrow(`there is no picture ${picture} of 1`)
  }
  expect(() => createEntryTable([]).ofExample(0)).toThrow("there is no example 0 of 0")
})
