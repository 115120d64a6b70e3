import { copyFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RgbImage } from "@lllite/core/image"
import sharp from "sharp"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { DatasetOptions } from "../dataset/dataset-config.ts"
import { datasetOfFolders } from "../dataset/dataset-config.ts"
import { openDataset } from "../dataset/open-dataset.ts"
import { encodePng } from "../images/png.ts"
import type { NumpyArray } from "../npz/npy.ts"
import { npzFile, readNpz } from "../npz/npz.ts"

let folder = ""
let image = ""
let file = ""
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-latents-"))
  await mkdir(join(folder, "images"))
  await mkdir(join(folder, "controls"))
  image = join(folder, "images", "a.png")
  file = join(folder, "images", "a_0128x0064_sdxl.npz")
  await writeFile(image, encodePng(picture(40)))
  await writeFile(join(folder, "controls", "a.png"), encodePng(picture(90)))
})
afterEach(() => rm(folder, { recursive: true }))

const picture = (blue: number): RgbImage => {
  const data = Uint8Array.from({ length: 128 * 64 * 3 }, (_, i) => (i % 3 === 2 ? blue : i % 251))
  return { width: 128, height: 64, data }
}
const LATENTS = Float32Array.from({ length: 8 * 8 * 4 }, (_, i) => Math.fround(Math.sin(i)))
const MIRRORED = LATENTS.map((value) => -value)

type Options = Omit<DatasetOptions, "imageDir" | "conditioningDataDir">
const open = async (options: Options = {}, cache: { vae?: string; skipCheck?: boolean } = {}) => {
  const config = datasetOfFolders({
    ...{ imageDir: join(folder, "images"), conditioningDataDir: join(folder, "controls") },
    ...{ resolution: 64, ...options },
  })
  const dataset = await openDataset(config, { latentCache: { vae: "a VAE", ...cache } })
  if (dataset.latents === undefined) throw new Error("the data set keeps no latents")
  return { ...dataset, latents: dataset.latents, notices: () => dataset.latents?.notices?.() ?? [] }
}
const reasonOf = async (...given: Parameters<typeof open>) => {
  const set = await open(...given)
  return (await set.latents.has(0))
    ? null
    : (/The reason: (.*)\.$/.exec(set.notices()[0] ?? "")?.[1] ?? "there is none")
}

describe("latents in files", () => {
  it("come back with what a step reads beside them, as they are and mirrored", async () => {
    const set = await open({ flipAug: true })
    expect(await set.latents.has(0)).toBe(false)
    await set.latents.write(0, [LATENTS, MIRRORED])
    expect(await set.latents.has(0)).toBe(true)
    for (const isFlipped of [false, true]) {
      const { latents, ...rest } = await set.latents.read(0, isFlipped)
      const { image: _, ...example } = await set.example(0, { isFlipped, draws: null })
      expect(rest).toEqual(example)
      const expected = isFlipped ? MIRRORED : LATENTS
      expect(Math.max(...latents.map((value, i) => Math.abs(value - (expected[i] ?? 0))))).toBeLessThan(1e-6)
    }
    expect(set.notices()).toEqual([])
  })

  it("are arrays as sd-scripts has them: unscaled, channels first, with sizes and crop", async () => {
    await (await open({ flipAug: true })).latents.write(0, [LATENTS, MIRRORED])
    const arrays = await readNpz(file)
    expect(arrays.get("latents")?.shape).toEqual([4, 8, 8])
    expect(arrays.get("latents")?.values).toBeInstanceOf(Float32Array)
    expect(Number(arrays.get("latents")?.values[8 * 8 + 1])).toBeCloseTo((LATENTS[4 + 1] ?? 0) / 0.13025, 5)
    expect(arrays.get("latents_flipped")?.shape).toEqual([4, 8, 8])
    expect(arrays.get("original_size")?.values).toEqual(BigInt64Array.of(128n, 64n))
    // sd-scripts' get_crop_ltrb((64, 64), (128, 64))
    expect(arrays.get("crop_ltrb")?.values).toEqual(Float64Array.of(0, 16, 64, 48))
    expect(arrays.has("alpha_mask")).toBe(false)
  })

  it("are not used after anything that they follow from has changed", async () => {
    const written = await open()
    await written.latents.write(0, [LATENTS])
    expect(await reasonOf()).toBeNull()
    expect(await reasonOf({}, { vae: "another" })).toBe("its VAE is another")
    expect(await reasonOf({ resolution: 32 })).toBe("latents is 4x8x8, expected 4x4x4")
    expect(await reasonOf({ flipAug: true })).toBe("latents_flipped is missing")
    expect(await reasonOf({ alphaMask: true })).toBe("its alpha_mask is missing")
    expect(await reasonOf({ resizeInterpolation: "lanczos" })).toBe("its picture was fitted in another way")
    await utimes(image, new Date(), new Date())
    expect(await reasonOf()).toBeNull()
    await writeFile(image, encodePng(picture(41)))
    expect(await reasonOf()).toBe("its picture was changed")
  })

  it("of another program are used where they fit, and a notice says that their VAE is not known", async () => {
    const arrays = new Map<string, NumpyArray>([
      ["latents", { shape: [4, 8, 8], values: new Float32Array(256).fill(2) }],
      ["original_size", { shape: [2], values: BigInt64Array.of(128n, 64n) }],
      ["crop_ltrb", { shape: [4], values: Float64Array.of(0, 16, 64, 48) }],
    ])
    await writeFile(file, npzFile(arrays))
    const set = await open()
    expect(await set.latents.has(0)).toBe(true)
    expect((await set.latents.read(0, false)).latents[0]).toBeCloseTo(0.2605, 6)
    expect(set.notices()).toEqual([
      `"${file}" is of another program, and does not say which VAE made the latents. It is used. Remove it if the VAE was another.`,
    ])
    await writeFile(
      file,
      npzFile(new Map([...arrays, ["crop_ltrb", { shape: [4], values: Float64Array.of(0, 0, 64, 64) }]])),
    )
    expect(await reasonOf()).toBe("its crop is another")
    await writeFile(
      file,
      npzFile(new Map([...arrays, ["original_size", { shape: [2], values: BigInt64Array.of(64n, 64n) }]])),
    )
    expect(await reasonOf()).toBe("it is of a picture of 64x64")
    await writeFile(
      file,
      npzFile(new Map([...arrays, ["latents", { shape: [4, 8, 8], values: new Float32Array(256).fill(Number.NaN) }]])),
    )
    expect(await reasonOf()).toBe("latents has values that are not finite")
    await writeFile(file, npzFile(arrays))
    await utimes(file, new Date(0), new Date(0))
    expect(await reasonOf()).toBe("its picture was changed after it")
  })

  it("are read under the name that sd-scripts gave them before, and written under the present one", async () => {
    const former = join(folder, "images", "a.npz")
    const latents: NumpyArray = { shape: [4, 8, 8], values: new Float32Array(256).fill(2) }
    await writeFile(former, npzFile(new Map([["latents", latents]])))
    const set = await open()
    expect(await set.latents.has(0)).toBe(true)
    expect((await set.latents.read(0, false)).latents[0]).toBeCloseTo(0.2605, 6)
    expect(set.notices()[0]).toContain(`"${former}" is of another program`)
    // One that does not fit stays as it is.
    expect(await reasonOf({ resolution: 32 })).toBe("latents is 4x8x8, expected 4x4x4")
    await (await open({ resolution: 32 })).latents.write(0, [LATENTS.slice(0, 4 * 4 * 4)])
    expect(await reasonOf({ resolution: 32 })).toBeNull()
    expect((await readNpz(former)).get("latents")?.shape).toEqual([4, 8, 8])
  })

  it("that are damaged are made anew, and skipCheck leaves that to the step that reads them", async () => {
    await writeFile(file, "no zip")
    expect(await reasonOf()).toBe("it is damaged")
    const set = await open({}, { skipCheck: true })
    expect(await set.latents.has(0)).toBe(true)
    await expect(set.latents.read(0, false)).rejects.toMatchObject({ code: "array-file" })
    await (await open()).latents.write(0, [LATENTS])
    await expect((await open({ resolution: 32 }, { skipCheck: true })).latents.read(0, false)).rejects.toThrow(
      "latents is 4x8x8, expected 4x4x4. Remove it.",
    )
  })

  it("keep the mask of a picture, fitted and mirrored", async () => {
    const rgba = Buffer.from(
      Uint8Array.from({ length: 128 * 64 * 4 }, (_, i) => (i % 4 === 3 && (i >> 2) % 128 < 64 ? 0 : 255)),
    )
    await sharp(rgba, { raw: { width: 128, height: 64, channels: 4 } })
      .png()
      .toFile(image)
    const set = await open({ alphaMask: true, flipAug: true })
    await set.latents.write(0, [LATENTS, MIRRORED])
    for (const isFlipped of [false, true]) {
      const { mask } = await set.latents.read(0, isFlipped)
      expect(mask).toEqual((await set.example(0, { isFlipped, draws: null })).mask)
      expect(mask?.data[0]).toBe(isFlipped ? 255 : 0)
    }
  })

  it("of one picture at two sizes stand side by side in one file", async () => {
    const subsets = [{ resolution: 64 }, { resolution: 32 }].map((options) =>
      datasetOfFolders({
        ...{ imageDir: join(folder, "images"), conditioningDataDir: join(folder, "controls") },
        ...options,
      }),
    )
    const [first, second] = subsets
    if (first === undefined || second === undefined) throw new Error("two sets")
    const config = { ...first, groups: [...first.groups, ...second.groups] }
    const { latents } = await openDataset(config, { latentCache: { vae: "a VAE" } })
    const small = LATENTS.slice(0, 4 * 4 * 4)
    await Promise.all([latents?.write(0, [LATENTS]), latents?.write(1, [small])])
    expect([await latents?.has(0), await latents?.has(1)]).toEqual([true, true])
    expect((await latents?.read(0, false))?.latents).toHaveLength(256)
    expect((await latents?.read(1, false))?.latents).toHaveLength(64)

    // A data set of a third size leaves them, and adds its own.
    const third = await open({ resolution: 96 })
    await third.latents.write(0, [new Float32Array(12 * 12 * 4)])
    expect(await third.latents.has(0)).toBe(true)
    expect([await latents?.has(0), await latents?.has(1)]).toEqual([true, true])
  })

  it("go with their pictures when both are copied", async () => {
    await (await open()).latents.write(0, [LATENTS])
    const bytes = await readFile(image)
    await copyFile(image, `${image}.copy`)
    await rm(image)
    await writeFile(image, bytes)
    expect(await reasonOf()).toBeNull()
  })
})
