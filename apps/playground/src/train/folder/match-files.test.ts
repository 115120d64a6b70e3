import { describe, expect, it } from "vitest"
import { inEnglish } from "../../../test/words.ts"
import { matchFiles } from "./match-files.ts"

const pair = (image: string, control: string | null, caption: string | null) => ({ image, control, caption })

describe("matchFiles", () => {
  it("reads pictures with captions, and makes their controls", () => {
    expect(matchFiles(["set/b.JPG", "set/a.png", "set/a.txt", "set/b.caption"])).toEqual({
      pairs: [pair("set/a.png", null, "set/a.txt"), pair("set/b.JPG", null, "set/b.caption")],
      notices: [],
    })
  })

  it.each([
    ["set/a.png", "set/conditioning/a.jpg"],
    ["set/images/a.png", "set/controls/a.png"],
    ["set/train/10_ring/a.png", "set/conditioning_data/10_ring/a.webp"],
  ])("finds the control of %s in %s", (image, control) => {
    expect(matchFiles([image, control]).pairs).toEqual([pair(image, control, null)])
  })

  it("takes the control of the nearest folder", () => {
    const { pairs, notices } = matchFiles(["x/a.png", "x/control/a.png", "y/a.png", "y/control/a.png"])
    expect(pairs).toEqual([pair("x/a.png", "x/control/a.png", null), pair("y/a.png", "y/control/a.png", null)])
    expect(notices).toEqual([])
  })

  it("compares names in NFC where the exact one is missing", () => {
    const [apart, together] = ["s/e\u0301.png", "s/control/\u00e9.png"]
    expect(matchFiles([apart, together, "s/\u00e9.txt"]).pairs).toEqual([pair(apart, together, "s/\u00e9.txt")])
  })

  it("takes a folder of controls alone as pictures", () => {
    expect(matchFiles(["conditioning/a.png"]).pairs).toEqual([pair("conditioning/a.png", null, null)])
  })

  it("passes over hidden files and what systems leave", () => {
    expect(matchFiles(["s/.DS_Store", "s/._a.png", "__MACOSX/s/a.png", "s/Thumbs.db"])).toEqual({
      pairs: [],
      notices: [],
    })
  })

  it("names every kind of file that is not used, once, with all names", () => {
    const used = ["s/a.png", "s/a.txt", "s/control/a.png"]
    const { pairs, notices } = matchFiles([
      ...used,
      ...["s/b.png", "s/control/a.webp", "s/control/c.png", "s/control/d.png", "s/x.heic", "s/e.txt", "s/model.bin"],
    ])
    expect(pairs).toEqual([pair("s/a.png", "s/control/a.png", "s/a.txt")])
    expect(inEnglish(notices)).toEqual([
      '"s/x.heic" is a .heic picture. This format is not read. Save it as PNG.',
      '"s/b.png" has no control picture and is not used: the same name with any extension is missing in the folder of controls.',
      '"s/control/c.png" and "s/control/d.png" have no picture of the same name and are not used.',
      '"s/control/a.webp" is not used: another control has the same name with an earlier extension.',
      '"s/e.txt" has no picture of the same name and is not used.',
      '"s/model.bin" is neither a picture nor a caption and is not used.',
    ])
  })

  it("says or uses every visible file", () => {
    const names = ["a.png", "a.txt", "a.caption", "b.tif", "c.webp", "control/c.png", "control/c.txt", "z.zip", "n"]
    for (let skipped = 0; skipped < names.length; skipped++) {
      const paths = names.filter((_, i) => i !== skipped).map((name) => `s/${name}`)
      const { pairs, notices } = matchFiles(paths)
      const used = pairs.flatMap(({ image, control, caption }) => [image, control, caption])
      const said = inEnglish(notices).join(" ")
      for (const path of paths) expect(used.includes(path), path).not.toBe(said.includes(`"${path}"`))
    }
  })
})
