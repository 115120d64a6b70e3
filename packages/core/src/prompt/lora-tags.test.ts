import { describe, expect, it } from "vitest"
import { takeLoraTags } from "./lora-tags.ts"

const one = (tag: string) => takeLoraTags(tag).loras[0]

describe("takeLoraTags", () => {
  it("leaves a prompt without tags as it is", () => {
    expect(takeLoraTags("a  cat, , <b>")).toEqual({ prompt: "a  cat, , <b>", loras: [] })
  })

  it("takes tags out, with the spaces and commas that they leave", () => {
    const { prompt, loras } = takeLoraTags("a cat, <lora:ink:0.8>, <LORA:style/wash>, on a mat <lyco:c.safetensors:-1>")
    expect(prompt).toBe("a cat, on a mat")
    expect(loras.map(({ name, strength }) => [name, strength])).toEqual([
      ["ink", 0.8],
      ["style/wash", 1],
      ["c.safetensors", -1],
    ])
  })

  it("reads the strengths of the text encoders and of the U-Net, in this order", () => {
    expect(one("<lora:a:0.5>")).toMatchObject({ textStrength: 0.5, strength: 0.5 })
    expect(one("<lora:a:0.5:.25>")).toMatchObject({ textStrength: 0.5, strength: 0.25 })
    expect(one("<lora:a:1:te=0:unet=2>")).toMatchObject({ textStrength: 0, strength: 2 })
    expect(one("<lora:a:unet=2>")).toMatchObject({ textStrength: 1, strength: 2 })
  })

  it.each([
    ["owner/name", 0.8],
    ["owner/name:0.5/ink.safetensors", 0.8],
    ["owner/name@v1.0:ink.safetensors", 0.8],
    ["hf:owner/name", 0.8],
    ["hf:owner/name@main:folder/ink.safetensors", 0.8],
    ["https://example.org/ink.safetensors?download=true", 0.8],
    ["http://localhost:8080/ink.safetensors", 0.8],
    ["http://[::1]:8080/ink.safetensors", 0.8],
    ["C:\\loras\\ink.safetensors", 0.8],
  ])("reads the name %s, with its colons", (name, strength) => {
    expect(one(`<lora:${name}:0.8>`)).toMatchObject({ name, strength, textStrength: 0.8 })
    expect(one(`<lora:${name}>`)).toMatchObject({ name, strength: 1 })
    expect(one(`<lora: ${name} :0.5:0.8>`)).toMatchObject({ name, strength, textStrength: 0.5 })
  })

  it("reads block weights by name or as numbers", () => {
    expect(one("<lora:a:1:1:lbw=OUTALL>")?.blocks).toMatchObject({ BASE: 1, IN04: 0, OUT03: 1 })
    expect(one("<lora:a:1:OUTALL>")).toMatchObject({ strength: 1, blocks: { M00: 0 } })
    expect(one("<lora:a:1:lbw=1,0,0,0,0,1,1,1,1,0,0,0>")?.blocks).toMatchObject({ M00: 1, OUT03: 0 })
  })

  it.each(["<lora:>", "<lora::1>", "<lora:a:1:2:3>", "<lora:a:te=x>", "<lora:a:1:step=5-9>", "<lora:a:x>"])(
    "refuses %s",
    (tag) => {
      expect(() => takeLoraTags(tag)).toThrow(/<lora|block weights/)
    },
  )
})
