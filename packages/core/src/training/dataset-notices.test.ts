import { describe, expect, it } from "vitest"
import { describeUnused, type Remark, remarkKinds, remarkNotices } from "./dataset-notices.ts"

const of = (kind: Remark["kind"], ...paths: string[]): Remark[] => paths.map((path) => ({ kind, path }))

/** What is said of one thing, and of three. */
const SAID: readonly (readonly [kind: Remark["kind"], one: string, three: string])[] = [
  [
    "no-caption",
    `"a" has no caption file. Training uses an empty caption. The extension of captions is .txt. To change it, set caption_extension.`,
    `3 pictures have no caption file. Training uses an empty caption. The first is "a". The extension of captions is .txt. To change it, set caption_extension.`,
  ],
  [
    "cut-caption",
    `"a" has several lines. Only the first is read.`,
    `3 captions have several lines. Only the first is read. The first is "a".`,
  ],
  [
    "empty-entry",
    `"a" has neither caption nor tags in the metadata file. Training uses an empty caption.`,
    `3 pictures have neither caption nor tags in the metadata file. Training uses an empty caption. The first is "a".`,
  ],
  [
    "cut-entry",
    `The caption of "a" has several lines in the metadata file. Only the first is read, and the tags.`,
    `3 captions have several lines in the metadata file. Only the first is read, and the tags. The first is "a".`,
  ],
  [
    "unlisted-picture",
    `"a" has no entry in the metadata file and is not used.`,
    `3 pictures have no entry in the metadata file and are not used. The first is "a".`,
  ],
  [
    "unused-entry",
    `The entry of the metadata file for "a" is not used: there is no such picture in the folders.`,
    `3 entries of the metadata file are not used: there is no such picture in the folders. The first is "a".`,
  ],
  [
    "unread-resolution",
    `"a" has train_resolution, which is not read. Buckets follow from the pictures.`,
    `3 metadata files have train_resolution, which is not read. Buckets follow from the pictures. The first is "a".`,
  ],
  [
    "stretched-control",
    `"a" has another shape than its picture. It is stretched onto the picture. Annotators that round sizes make such controls.`,
    `3 control pictures have another shape than their pictures. Each is stretched onto the picture. Annotators that round sizes make such controls. The first is "a".`,
  ],
  [
    "unused-control",
    `"a" has no picture of the same name and is not used.`,
    `3 control pictures have no picture of the same name and are not used. The first is "a".`,
  ],
  [
    "doubled-control",
    `"a" is not used: another control has the same name with an earlier extension.`,
    `3 control pictures are not used: another control has the same name with an earlier extension. The first is "a".`,
  ],
  [
    "inner-folder",
    `"a" holds pictures that are not read. Make it a subset with its own image_dir to use them.`,
    `3 folders inside of folders of pictures hold pictures that are not read. Make each a subset with its own image_dir to use them. The first is "a".`,
  ],
]

describe("notices of a data set", () => {
  it.each(SAID)("say %s of one thing and of several", (kind, one, three) => {
    expect(remarkNotices(of(kind, "a"), [".txt"])).toEqual([one])
    expect(remarkNotices(of(kind, "a", "b", "c"), [".txt"])).toEqual([three])
  })

  it("have a sentence for every kind, in the order of the kinds", () => {
    expect(remarkKinds()).toEqual(SAID.map(([kind]) => kind))
    const all = remarkKinds().flatMap((kind) => of(kind, "a"))
    expect(remarkNotices(all.toReversed(), [".txt"])).toEqual(SAID.map(([, one]) => one))
  })

  it("are none without a remark", () => expect(remarkNotices([], [".txt"])).toEqual([]))

  it("name every extension of captions", () => {
    const [notice] = remarkNotices(of("no-caption", "a.png"), [".txt", ".caption"])
    expect(notice).toContain("The extension of captions is .txt or .caption.")
  })

  it("of unused controls are those of their kind", () => {
    expect(describeUnused([])).toEqual([])
    expect(describeUnused(["a", "b", "c"])).toEqual(remarkNotices(of("unused-control", "a", "b", "c"), [".txt"]))
  })
})
