import { expect, it } from "vitest"
import { shapesOf, type WeightFile } from "../weight-reader.ts"
import { inferText1Config, inferText2Config, type TextEncoderConfig } from "./config.ts"
import { buildText1, buildText2 } from "./weights.ts"

/** CLIP ViT-L, as SDXL has it. */
const TEXT1: TextEncoderConfig = {
  ...{ width: 768, layers: 12, heads: 12, activation: "quick-gelu", vocabulary: 49408, positions: 77 },
  projection: null,
}
/** OpenCLIP ViT-bigG, as SDXL has it. */
const TEXT2: TextEncoderConfig = {
  ...{ width: 1280, layers: 32, heads: 20, activation: "gelu", vocabulary: 49408, positions: 77 },
  projection: 1280,
}

function fileOf(shapes: ReadonlyMap<string, readonly number[]>): WeightFile {
  const read = async (): Promise<Uint8Array> => new Uint8Array()
  const entries = Array.from(shapes, ([name, shape]) => [name, { name, dtype: "F32" as const, shape, read }] as const)
  return { label: "a.safetensors", entries: new Map(entries) }
}

it("is read from the names and shapes of SDXL's encoders", async () => {
  expect(inferText1Config(fileOf(await shapesOf(buildText1(TEXT1))))).toEqual(TEXT1)
  expect(inferText2Config(fileOf(await shapesOf(buildText2(TEXT2))))).toEqual(TEXT2)
})

it("has one head in an encoder that is narrower than one of SDXL's, and a projection of its own width", async () => {
  const [small1, small2] = [
    { ...TEXT1, width: 8, layers: 1, heads: 1, vocabulary: 20, positions: 7 },
    { ...TEXT2, width: 150, layers: 2, heads: 2, vocabulary: 30, positions: 9, projection: 6 },
  ]
  expect(inferText1Config(fileOf(await shapesOf(buildText1(small1))))).toEqual(small1)
  expect(inferText2Config(fileOf(await shapesOf(buildText2(small2))))).toEqual(small2)
})

it("is refused of a file without these encoders, with the name that is missing", async () => {
  expect(() => inferText1Config(fileOf(new Map()))).toThrow(
    'a.safetensors holds no SDXL text encoders: "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight" is missing',
  )
  const shapes = new Map(await shapesOf(buildText2({ ...TEXT2, layers: 1 })))
  shapes.delete("conditioner.embedders.1.model.text_projection")
  expect(() => inferText2Config(fileOf(shapes))).toThrow('"conditioner.embedders.1.model.text_projection" is missing')
})
