import { describe, expect, it } from "vitest"
import { bytesOf, rawFile } from "../../test/raw-file.ts"
import { openSafetensors } from "./read.ts"

const padding = "\0".repeat(64)

const foreign: [string, Uint8Array, string, RegExp][] = [
  ["a PyTorch zip checkpoint", bytesOf(`PK\x03\x04${padding}`), "pickle", /zip archive.*run code.*Convert it/],
  [
    "a pickle, protocol 2",
    bytesOf(`\\x80\\x02\\x8a\\x0a\\x6c\\xfc\\x9c\\x46\\xf9${padding}`),
    "pickle",
    /Python pickle/,
  ],
  ["a pickle, protocol 5", bytesOf(`\\x80\\x05\\x95\\x01${padding}`), "pickle", /Python pickle/],
  [
    "a Git LFS pointer",
    bytesOf("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
    "not-safetensors",
    /git lfs/,
  ],
  ["a login page", bytesOf("<!DOCTYPE html><html></html>"), "not-safetensors", /web page/],
  ["a GGUF model", bytesOf(`GGUF\x03${padding}`), "not-safetensors", /GGUF.*Give the model in fp8/],
  ["a Keras file", bytesOf(`\\x89HDF\r\n${padding}`), "not-safetensors", /HDF5/],
  ["a gzip archive", bytesOf(`\\x1f\\x8b\x08\0\0\0\0\0${padding}`), "not-safetensors", /gzip/],
  ["a PNG image", bytesOf(`\\x89PNG\r\n\x1a\n${padding}`), "not-safetensors", /PNG/],
  ["a JPEG image", bytesOf(`\\xff\\xd8\\xff\\xe0${padding}`), "not-safetensors", /JPEG/],
  ["an index in JSON", bytesOf('{"weight_map": {}, "metadata": {}}'), "not-safetensors", /JSON/],
]

describe("openSafetensors names and refuses", () => {
  it.each(foreign)("%s", async (_, bytes, code, message) => {
    await expect(openSafetensors(bytes)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it("a short gzip archive, whose first bytes could be a header's length", async () => {
    const bytes = new Uint8Array(0x8b1f + 600_000)
    bytes.set([0x1f, 0x8b, 0x08])
    await expect(openSafetensors(bytes)).rejects.toMatchObject({ code: "not-safetensors" })
  })
})

describe("openSafetensors does not take for a pickle", () => {
  // A header of 0x0280 bytes begins with the bytes of a pickle.
  const header = (entry: string): string => `{"t":${entry}}`.padEnd(0x0280)

  it("a good file whose header is 640 bytes long", async () => {
    const bytes = rawFile(header('{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'), 1)
    expect([bytes[0], bytes[1]]).toEqual([0x80, 0x02])
    expect((await openSafetensors(bytes)).tensors.size).toBe(1)
  })

  it("such a file with a mistake in it", async () => {
    const bytes = rawFile(header('{"dtype":"U8","shape":[1],"data_offsets":[0,2]}'), 2)
    await expect(openSafetensors(bytes)).rejects.toMatchObject({ code: "size-mismatch" })
  })

  it("any other file that is not recognised", async () => {
    await expect(openSafetensors(bytesOf("hello, world, this is text"))).rejects.toMatchObject({
      code: "header-too-long",
    })
  })
})
