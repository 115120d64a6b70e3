import { describe, expect, it } from "vitest"
import { PageError, sentence } from "../language/sentence.ts"
import { storedSource, textSource } from "./model-source.ts"

describe("the source of a model that is typed", () => {
  it.each([
    ["owner/name", { name: "owner/name", source: { hub: "owner/name" } }],
    [
      " owner/name:folder/a.safetensors ",
      { name: "a.safetensors", source: { hub: "owner/name:folder/a.safetensors" } },
    ],
    ["https://huggingface.co/owner/name/blob/main/b.safetensors", { name: "b.safetensors" }],
    ["https://example.org/c%20d.safetensors?x=1", { name: "c d.safetensors" }],
    ["http://localhost:8000/e.safetensors", { source: "http://localhost:8000/e.safetensors" }],
  ])("is %s", (text, expected) => {
    expect(textSource(text)).toMatchObject({ ...expected, path: text.trim(), vae: null, side: 1024 })
  })

  it.each(["cat", "ftp://example.org/a.safetensors", "/home/me/a.safetensors", ""])("is not %j", (text) => {
    expect(() => textSource(text)).toThrow(new PageError(sentence("models", "notAnAddress", text)))
  })
})

it("names a kept download by the last part of its address, also one that is not well encoded", () => {
  expect(storedSource("0a-x", "https://example.org/f/x.safetensors?token=1")).toMatchObject({
    ...{ name: "x.safetensors", path: "https://example.org/f/x.safetensors?token=1", source: { stored: "0a-x" } },
  })
  expect(storedSource("0b-y", "https://example.org/100%.safetensors").name).toBe("100%.safetensors")
})
