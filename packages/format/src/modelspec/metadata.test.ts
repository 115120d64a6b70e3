import { describe, expect, it } from "vitest"
import { describeWithReference, referenceBytes } from "../../test/reference.ts"
import { openSafetensors } from "../safetensors/read.ts"
import type { LlliteSpec } from "./metadata.ts"
import { buildLlliteMetadata, parseLlliteMetadata } from "./metadata.ts"

const least = { title: "canny", date: "2026-01-02T03:04:05" } satisfies LlliteSpec

const whole: Required<LlliteSpec> = {
  ...least,
  resolution: { width: 768, height: 1280 },
  predictionType: "v",
  implementationVersion: "lllite/0.1.0",
  description: "Lines in, picture out",
  author: "Ada",
  license: "Apache-2.0",
  usageHint: "white lines on black",
  thumbnail: "data:image/png;base64,AA==",
  tags: "canny, lines",
  mergedFrom: "one, two",
  triggerPhrase: "none",
  preprocessor: "canny",
  timestepRange: [500, 1000],
  encoderLayer: 2,
}

describe("buildLlliteMetadata", () => {
  it("writes what the reference writes when only the title is known", () => {
    expect(Object.fromEntries(buildLlliteMetadata(least))).toEqual({
      "modelspec.architecture": "stable-diffusion-xl-v1-base/control-net-lllite",
      "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
      "modelspec.title": "canny",
      "modelspec.resolution": "1024x1024",
      "modelspec.sai_model_spec": "1.0.1",
      "modelspec.date": "2026-01-02T03:04:05",
      "modelspec.prediction_type": "epsilon",
    })
  })

  it("leaves the date out when none is given", () => {
    expect(buildLlliteMetadata({ title: "canny" }).has("modelspec.date")).toBe(false)
  })

  it("is parsed back to what went in", () => {
    expect(parseLlliteMetadata(buildLlliteMetadata(whole))).toEqual({
      ...whole,
      architecture: "stable-diffusion-xl-v1-base/control-net-lllite",
      implementation: "https://github.com/Stability-AI/generative-models",
      specVersion: "1.0.1",
      unreadable: [],
    })
  })

  it.each([
    [{ title: " " }, /title/],
    [{ date: "yesterday" }, /ISO 8601/],
    [{ date: "2026-01-02 03:04:05" }, /ISO 8601/],
    [{ resolution: { width: 0, height: 8 } }, /resolution is 0 x 8/],
    [{ resolution: { width: 8, height: 8.5 } }, /resolution is 8 x 8.5/],
    [{ predictionType: "x0" as "v" }, /predictionType is "x0"/],
    [{ timestepRange: [900, 100] as const }, /timestepRange is \[900, 100\]/],
    [{ timestepRange: [-1, 100] as const }, /timestepRange/],
    [{ encoderLayer: 0 }, /encoderLayer is 0/],
  ])("refuses %j", (change, message) => {
    expect(() => buildLlliteMetadata({ ...least, ...change })).toThrow(
      expect.objectContaining({ code: "write-input", message: expect.stringMatching(message) }),
    )
  })
})

describe("parseLlliteMetadata", () => {
  it("finds nothing in nothing", () => {
    expect(parseLlliteMetadata(new Map([["ss_network_dim", "64"]]))).toEqual({ unreadable: [] })
  })

  it.each([
    ["resolution", "768x1280", { width: 768, height: 1280 }],
    ["timestep_range", "500,1000", [500, 1000]],
    ["encoder_layer", "2", 2],
    ["prediction_type", "epsilon", "epsilon"],
  ])("reads %s of the form %s alone", (field, text, value) => {
    const key = `modelspec.${field}`
    const names: Readonly<Record<string, string>> = {
      ...{ resolution: "resolution", timestep_range: "timestepRange" },
      ...{ encoder_layer: "encoderLayer", prediction_type: "predictionType" },
    }
    expect(parseLlliteMetadata(new Map([[key, text]]))).toMatchObject({ [names[field] ?? ""]: value, unreadable: [] })
    for (const wrong of [`${text}x`, `x${text}`, `${text},1`, `${text} `, ""]) {
      expect(parseLlliteMetadata(new Map([[key, wrong]])).unreadable).toEqual([key])
    }
  })

  it("lists what it cannot read and reads the rest", () => {
    const metadata = new Map([
      ["modelspec.title", "odd"],
      ["modelspec.resolution", "1024"],
      ["modelspec.prediction_type", "x0"],
      ["modelspec.timestep_range", "0-500"],
      ["modelspec.encoder_layer", "-2"],
    ])
    expect(parseLlliteMetadata(metadata)).toEqual({
      title: "odd",
      unreadable: [
        "modelspec.resolution",
        "modelspec.prediction_type",
        "modelspec.timestep_range",
        "modelspec.encoder_layer",
      ],
    })
  })
})

describeWithReference("buildLlliteMetadata matches the reference's file", ["files/lllite-tiny-f32.safetensors"], () => {
  it("key by key", async () => {
    const { metadata } = await openSafetensors(referenceBytes("files/lllite-tiny-f32.safetensors"))
    expect(parseLlliteMetadata(metadata).unreadable).toEqual([])
    const ours = buildLlliteMetadata({ title: "tiny", date: "2026-01-02T03:04:05" })
    expect(new Map(ours)).toEqual(new Map(metadata))
  })
})
