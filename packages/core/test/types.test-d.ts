import type { Tensor4D } from "@tensorflow/tfjs-core"
import { describe, expectTypeOf, it } from "vitest"
import type { RgbImage } from "../src/image/index.ts"
import type { AdapterUse, GenerateEvent, GenerateOptions, PictureRequest } from "../src/index.ts"
import { generate } from "../src/index.ts"
import type { LlliteModel, Sdxl } from "../src/models/index.ts"
import type {
  AdapterHandle,
  AdapterHandleUse,
  GenerateRunEvent,
  GenerateRunOptions,
  LoadSdxlOptions,
  Runtime,
  SdxlHandle,
  TrainRunEvent,
  TrainRunOptions,
} from "../src/runtime/index.ts"
import type { TrainOptions, TrainState, TrainStepEvent } from "../src/training/index.ts"
import { train } from "../src/training/index.ts"

/* `tsc` checks this file, and no test runs it. It has the types that a program may rely on. */

type Option<T> = { readonly [K in keyof T]: T[K] }
type ReadonlyKeys<T> = { [K in keyof T]-?: Equal<Pick<T, K>, Option<Pick<T, K>>> extends true ? K : never }[keyof T]
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T]

describe("generate", () => {
  it("yields events with different kinds", () => {
    expectTypeOf(generate).returns.toEqualTypeOf<AsyncGenerator<GenerateEvent, void, void>>()
    expectTypeOf<GenerateEvent["kind"]>().toEqualTypeOf<"step" | "tile" | "deltas" | "first-stage" | "image">()
    expectTypeOf<Extract<GenerateEvent, { kind: "image" }>["image"]>().toEqualTypeOf<RgbImage>()
    expectTypeOf<Extract<GenerateEvent, { kind: "step" }>["denoised"]>().toEqualTypeOf<Tensor4D>()
  })

  it("takes a readonly model, requests and options", () => {
    expectTypeOf(generate).parameters.toEqualTypeOf<
      [sdxl: Sdxl, requests: readonly PictureRequest[], options: GenerateOptions]
    >()
    expectTypeOf<ReadonlyKeys<GenerateOptions>>().toEqualTypeOf<keyof GenerateOptions>()
    expectTypeOf<ReadonlyKeys<AdapterUse>>().toEqualTypeOf<keyof AdapterUse>()
    expectTypeOf<ReadonlyKeys<PictureRequest>>().toEqualTypeOf<keyof PictureRequest>()
  })

  it("requires the size of the pictures, and no other option", () => {
    expectTypeOf<Exclude<keyof GenerateOptions, OptionalKeys<GenerateOptions>>>().toEqualTypeOf<"width" | "height">()
    expectTypeOf<Exclude<keyof AdapterUse, OptionalKeys<AdapterUse>>>().toEqualTypeOf<"lllite" | "control">()
    expectTypeOf<Exclude<keyof PictureRequest, OptionalKeys<PictureRequest>>>().toEqualTypeOf<"prompt" | "seed">()
  })

  it("takes a sampler by a known name", () => {
    expectTypeOf<"euler">().toExtend<NonNullable<GenerateOptions["sampler"]>>()
    expectTypeOf<"eular">().not.toExtend<NonNullable<GenerateOptions["sampler"]>>()
  })
})

describe("train", () => {
  it("yields steps, and ends with the state", () => {
    expectTypeOf(train<LlliteModel>).returns.toEqualTypeOf<AsyncGenerator<TrainStepEvent, TrainState, void>>()
    expectTypeOf<TrainStepEvent["state"]>().toEqualTypeOf<() => Promise<TrainState>>()
  })

  it("takes readonly options", () => {
    expectTypeOf<ReadonlyKeys<TrainOptions>>().toEqualTypeOf<keyof TrainOptions>()
  })
})

describe("a runtime", () => {
  type Paths = Runtime<string>

  it("loads models and adapters as handles", () => {
    expectTypeOf<Paths["loadSdxl"]>().parameter(0).toEqualTypeOf<string>()
    expectTypeOf<Paths["loadSdxl"]>().returns.toEqualTypeOf<Promise<SdxlHandle>>()
    expectTypeOf<Paths["loadAdapter"]>().returns.toEqualTypeOf<Promise<AdapterHandle>>()
    expectTypeOf<AdapterHandleUse["adapter"]>().toEqualTypeOf<AdapterHandle>()
  })

  it("gives handles that are readonly and can be disposed", () => {
    expectTypeOf<SdxlHandle["dispose"]>().toEqualTypeOf<() => Promise<void>>()
    expectTypeOf<AdapterHandle["dispose"]>().toEqualTypeOf<() => Promise<void>>()
    expectTypeOf<Paths["dispose"]>().toEqualTypeOf<() => Promise<void>>()
    expectTypeOf<AdapterHandle>().toExtend<Readonly<AdapterHandle>>()
  })

  it("yields events with different kinds", () => {
    expectTypeOf<SdxlHandle["generate"]>().returns.toEqualTypeOf<AsyncGenerator<GenerateRunEvent, void, void>>()
    expectTypeOf<SdxlHandle["train"]>().returns.toEqualTypeOf<AsyncGenerator<TrainRunEvent, TrainState, void>>()
    expectTypeOf<GenerateRunEvent["kind"]>().toEqualTypeOf<
      "notice" | "step" | "tile" | "deltas" | "first-stage" | "image"
    >()
    expectTypeOf<TrainRunEvent["kind"]>().toEqualTypeOf<"notice" | "cache" | "step">()
    expectTypeOf<Extract<TrainRunEvent, { kind: "step" }>["state"]>().toEqualTypeOf<TrainState | null>()
  })

  it("takes readonly options", () => {
    expectTypeOf<ReadonlyKeys<GenerateRunOptions>>().toEqualTypeOf<keyof GenerateRunOptions>()
    expectTypeOf<ReadonlyKeys<TrainRunOptions>>().toEqualTypeOf<keyof TrainRunOptions>()
    expectTypeOf<ReadonlyKeys<AdapterHandleUse>>().toEqualTypeOf<keyof AdapterHandleUse>()
    expectTypeOf<ReadonlyKeys<LoadSdxlOptions<string>>>().toEqualTypeOf<keyof LoadSdxlOptions<string>>()
  })
})
