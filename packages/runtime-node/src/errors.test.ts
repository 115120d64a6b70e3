import { describe, expect, it } from "vitest"
import { fileError } from "./errors.ts"

const missing = Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT" })
const about = (path: string, verb = "read"): string => fileError(verb, path, missing).message

describe("an error about a file that is not there", () => {
  it.each([
    "stabilityai/stable-diffusion-xl-base-1.0",
    "owner/name@main",
    "hf:owner/name",
    "owner/name:unet.safetensors",
    "kohya-ss/controlnet-lllite",
  ])("says what to do about a name on the Hub: %s", (path) => {
    expect(about(path)).toMatch(/Hugging Face Hub, download it, and give the path of its file or folder\./)
  })

  it("says what to do about an address, and keeps its secrets", () => {
    const message = about("https://ada:secret@example.com/a/b.safetensors?token=abc#x")
    expect(message).toMatch(
      /^cannot read "https:\/\/\*\*\*@example\.com\/a\/b\.safetensors\?[^"]*": it is an address.*Download it/,
    )
    expect(message).not.toMatch(/secret|abc/)
  })

  it.each(["models/canny.safetensors", "set/a.png", "C:\\models\\a", "/a/b", "./a/b", "a/b/c", "a", "a.toml"])(
    "takes a path as one: %s",
    (path) => {
      expect(about(path)).toMatch(/there is no such file or folder\. Check the path\.$/)
    },
  )

  it("knows that a folder of pictures is on this machine", () => {
    expect(about("set/images", "read the folder")).toMatch(/there is no such file or folder\. Check the path\.$/)
  })

  it("shows control characters that a backslash in double quotes has made", () => {
    expect(about("D:\train\now", "read the folder")).toBe(
      'cannot read the folder "D:\\train\\now": there is no such file or folder. Check the path. The path has control ' +
        "characters. In double quotes, a backslash and a letter make one. Write / or single quotes.",
    )
  })
})
