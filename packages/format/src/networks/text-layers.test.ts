import { expect, it } from "vitest"
import { textBlockFigure } from "./text-layers.ts"

it("names the linear layers of a block of a text encoder as transformers does, with their widths", () => {
  const layers = Object.entries(textBlockFigure("text2", 3, 1280))
  expect(layers.map(([name, { path, inDim, outDim, role }]) => [name, path, inDim, outDim, role])).toEqual([
    ["q", "encoder.layers.3.self_attn.q_proj", 1280, 1280, "q"],
    ["k", "encoder.layers.3.self_attn.k_proj", 1280, 1280, "k"],
    ["v", "encoder.layers.3.self_attn.v_proj", 1280, 1280, "v"],
    ["out", "encoder.layers.3.self_attn.out_proj", 1280, 1280, "out"],
    ["feedIn", "encoder.layers.3.mlp.fc1", 1280, 5120, "ff-in"],
    ["feedOut", "encoder.layers.3.mlp.fc2", 5120, 1280, "ff-out"],
  ])
  for (const [, layer] of layers) {
    expect(layer).toMatchObject({ network: "text2", block: "layer 3", kind: "linear", bias: true, index: 3 })
    expect(layer).toMatchObject({ kernel: 1, stride: 1 })
  }
})

it.each([
  ["text3", 0, 8, "the text encoder"],
  ["text1", -1, 8, "the layer's number"],
  ["text2", 0.5, 8, "the layer's number"],
  ["text1", 0, Number.NaN, "the width"],
  ["text1", 0, 0, "the width"],
])("a block of %s, layer %d, width %d is refused", (network, index, width, message) => {
  expect(() => textBlockFigure(network as "text1", index, width)).toThrow(message)
})
