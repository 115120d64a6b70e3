import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TrainDataset } from "@lllite/core/training"
import { createNodeRuntime, encodePng, writePng } from "@lllite/runtime-node"
import { captionOf, drawScene, makeScene } from "@lllite/tiny"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createEncodedPieces, type EncodedFacts, encodePiece, readEncoded } from "../../pieces/encoded-piece.ts"
import { sha256Of } from "../../pieces/sha256.ts"
import { trainCommand } from "../../train/command.ts"
import { cacheCommand } from "./command.ts"

let folder = ""
const at = (...names: readonly string[]): string => join(folder, ...names)
const never = new AbortController().signal

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-caches-"))
  // The same pictures twice. Files of caches say when a picture was changed.
  for (const set of ["cached", "trained"]) {
    for (let i = 0; i < 3; i++) {
      await writePng(at(set, "images", `${i}.png`), drawScene(makeScene(4, i)))
      await utimes(at(set, "images", `${i}.png`), 1000, 1000)
      await writePng(at(set, "controls", `${i}.png`), drawScene(makeScene(5, i)))
      await writeFile(at(set, "images", `${i}.txt`), captionOf(makeScene(4, i)))
    }
  }
})
afterAll(() => rm(folder, { recursive: true }))

const optionsOf = (set: string): readonly string[] => [
  ...["--pretrained_model_name_or_path", "tiny", "--backend", "wasm", "--seed", "7", "--flip_aug"],
  ...["--train_data_dir", at(set, "images"), "--conditioning_data_dir", at(set, "controls")],
  ...["--resolution", "64", "--caption_extension", ".txt", "--vae_slices", "1"],
]

/** The files of caches of a set, by name. */
async function filesOf(set: string): Promise<ReadonlyMap<string, Buffer>> {
  const names = (await readdir(at(set, "images"))).filter((name) => name.endsWith(".npz")).sort()
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(at(set, "images", name))] as const)))
}

describe("lllite dataset cache", () => {
  it("writes the bytes that train writes, which train then takes, and makes only what is missing", async () => {
    const both = ["--cache_latents_to_disk", "--cache_text_encoder_outputs_to_disk"]
    const train = (set: string): Promise<void> =>
      trainCommand.invoke(
        [...optionsOf(set), ...both, "--max_train_steps", "1", "--output_dir", at(`${set}-output`)],
        never,
      )
    await train("trained")
    await cacheCommand.invoke(optionsOf("cached"), never)
    const [cached, trained] = [await filesOf("cached"), await filesOf("trained")]
    expect(cached.size).toBe(6)
    expect(cached).toEqual(trained)
    // What is there stays: its time does, too. What is missing comes back with the same bytes.
    const [first = "", second = ""] = cached.keys()
    await utimes(at("cached", "images", first), 2000, 2000)
    await rm(at("cached", "images", second))
    await cacheCommand.invoke(optionsOf("cached"), never)
    await train("cached")
    expect(await filesOf("cached")).toEqual(trained)
    expect((await stat(at("cached", "images", first))).mtimeMs).toBe(2_000_000)
    const lllite = (set: string): Promise<Buffer> => readFile(at(`${set}-output`, "last.safetensors"))
    expect(await lllite("cached")).toEqual(await lllite("trained"))
  })

  it("makes the caches that are chosen, and refuses texts of captions that change", async () => {
    await cacheCommand.invoke([...optionsOf("trained"), "--cache_latents_to_disk"], never)
    const shuffled = [...optionsOf("trained"), "--shuffle_caption", "--cache_text_encoder_outputs_to_disk"]
    await expect(cacheCommand.invoke(shuffled, never)).rejects.toThrow(
      /keeps one text of each caption, and shuffle_caption makes captions differ/,
    )
  })
})

describe("a piece of caches", () => {
  it("has the values of a run over the whole data set, and the same twice", async () => {
    const images = [0, 1].map((i) => drawScene(makeScene(4, i)))
    const kept = new Map<string, unknown>()
    const none = async (): Promise<never> => {
      throw new Error("nothing is read")
    }
    const dataset: TrainDataset = {
      count: 2,
      sizes: images,
      captionOf: (index) => `a star ${index}`,
      async example(index) {
        const image = images[index] ?? drawScene(makeScene(4, 0))
        const sides = [image.width, image.height] as const
        const size = { original: sides, crop: [0, 0], target: sides } as const
        return { name: "a", image, control: image, caption: `a star ${index}`, size }
      },
      latents: {
        ...{ has: async () => false, read: none },
        write: async (index, values) => void kept.set(`latents ${index}`, values),
      },
      texts: {
        ...{ has: async () => false, read: none },
        write: async (index, values) => void kept.set(`text ${index}`, values),
      },
    }
    const runtime = await createNodeRuntime({ backend: "wasm" })
    try {
      const sdxl = await runtime.loadSdxl("tiny")
      for await (const _ of sdxl.cache(dataset, { seed: 3, vaeSlices: 1 }));
      const pieces = await createEncodedPieces(
        { checkpoint: "tiny" },
        { seed: 3, vaeSlices: 1, compat: null, runtime: { backend: "wasm" } },
      )
      const [, image] = images
      if (image === undefined) throw new Error("a picture is missing")
      const png = encodePng(image)
      const piece = pieces.of({ index: 1, caption: "a star 1" }, [sha256Of(png)])
      // It goes through Redis as JSON.
      const sent = JSON.parse(JSON.stringify(piece))
      expect(sent).toEqual(piece)
      await writeFile(at("view.png"), png)
      const inputs = new Map([[sha256Of(png), at("view.png")]])
      const make = async (name: string): Promise<readonly Buffer[]> => {
        await mkdir(at(name))
        const lent = { ...runtime, dispose: async () => {} }
        const parts = { start: async () => lent, modelAt: (_: string, file: string) => file, runtime: {} }
        const made = await encodePiece({ piece: sent, inputs, folder: at(name), signal: never }, parts)
        expect(made.facts).toEqual({ views: 1, hasText: true } satisfies EncodedFacts)
        return Promise.all(made.paths.map((path) => readFile(path)))
      }
      const files = await make("first")
      expect(await make("again")).toEqual(files)
      const { latents, text } = readEncoded(files, { views: 1, hasText: true })
      const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
      expect(plain(latents)).toEqual(plain(kept.get("latents 1")))
      expect(plain(text)).toEqual(plain(kept.get("text 1")))
    } finally {
      await runtime.dispose()
    }
  })
})
