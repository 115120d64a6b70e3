import { describe, expect, it } from "vitest"
import { captionFileNames, captionOfText } from "./index.ts"

describe("a caption's file", () => {
  it("has the caption in its first line, or in all lines with wildcards", () => {
    expect(captionOfText("\ufeff a, b \r\nc\r\n")).toBe("a, b")
    expect(captionOfText("a\r\n\n b \rc\n", true)).toBe("a\nb\nc")
    expect([captionOfText(""), captionOfText("\n\n", true), captionOfText("\nlater")]).toEqual(["", "", ""])
  })

  it("may belong to several faces of a picture", () => {
    expect(captionFileNames("face_12_34_56_78", ".txt")).toEqual(["face_12_34_56_78.txt", "face.txt"])
    expect(captionFileNames("a_1_2_3", ".txt")).toEqual(["a_1_2_3.txt"])
    expect(captionFileNames("my_long_file_name_01", ".txt")).toEqual(["my_long_file_name_01.txt"])
  })
})
