import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { expect, it } from "vitest"
import { createPairTable } from "./pair-table.ts"

const folders = { imageDir: "images", controlDir: "deep/controls/", rules: { prefix: "a" } }
const names = (...images: readonly string[]) => ({ images, controls: images.map((name) => name.replace("jpg", "png")) })

it("gives pairs in the order of their names, however they are put, and leaves out those that are not put", () => {
  const writer = createPairTable(folders, names("a.jpg", "b.jpg", "c.jpg", "d.jpg"))
  expect(writer.filesAt(1)).toEqual({ image: "images/b.jpg", control: "deep/controls/b.png" })
  writer.put(3, { caption: "", width: 5, height: 6 })
  writer.put(0, { caption: "one", width: 640, height: 480 })
  writer.put(2, { caption: "two", width: 3, height: 4 })
  const pairs = writer.table()
  const pair = (name: string, caption: string, width: number, height: number) => ({
    image: `images/${name}.jpg`,
    control: `deep/controls/${name}.png`,
    text: { caption, rules: folders.rules },
    size: { width, height },
  })
  const expected = [pair("a", "one", 640, 480), pair("c", "two", 3, 4), pair("d", "", 5, 6)]
  expect([...pairs]).toEqual(expected)
  expect([0, 1, 2].map(pairs.at)).toEqual(expected)
  expect(pairs.textAt(1)).toEqual({ caption: "two", rules: folders.rules })
  expect(pairs).toHaveLength(3)
  expect(() => pairs.at(3)).toThrow("there is no pair 3 of 3")
})

it("takes some bytes of a pair beside its names and its caption, and makes paths anew", () => {
  setFlagsFromString("--expose-gc")
  const collect: () => void = runInNewContext("gc")
  const usedBytes = (): number => {
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const count = 200_000
  const images = Array.from({ length: count }, (_, index) => `${index}.png`)
  const before = usedBytes()
  const writer = createPairTable(folders, { images, controls: images })
  for (let index = 0; index < count; index++) writer.put(index, { caption: "one text", width: 64, height: 64 })
  const pairs = writer.table()
  let width = 0
  for (const { size } of pairs) width += size.width
  expect(width).toBe(64 * count)
  const perPair = (usedBytes() - before) / count
  // A place in the list of captions, two sizes and a number. An object with two paths takes over 200 bytes.
  expect(perPair).toBeLessThan(40)
  expect(pairs).toHaveLength(count)
})
