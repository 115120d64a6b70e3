import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { openSafetensors } from "../safetensors/read.ts"
import { serializeSafetensors } from "../write/safetensors.ts"
import { hashSafetensors } from "./hash.ts"
import { createSha256 } from "./sha256.ts"

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

describe("createSha256", () => {
  it("gives the values of FIPS 180-4's examples", () => {
    const hash = createSha256()
    hash.update(new TextEncoder().encode("abc"))
    expect(hash.digest()).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    expect(createSha256().digest()).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  })

  it("equals Node's, for any cut of the bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
        const [ours, node] = [createSha256(), createHash("sha256")]
        for (const piece of pieces) {
          ours.update(piece)
          node.update(piece)
        }
        expect(ours.digest()).toBe(node.digest("hex"))
      }),
    )
  })
})

describe("hashSafetensors", () => {
  const bytes = Uint8Array.from({ length: 1_200_000 }, (_, i) => i * 31)
  const file = serializeSafetensors(new Map([["t", { dtype: "U8", shape: [bytes.length], bytes }]]))

  it("gives the hashes of web UIs and model sites", async () => {
    const whole = sha256(file)
    expect(await hashSafetensors(file)).toEqual({
      sha256: whole,
      autoV1: sha256(file.subarray(0x100000, 0x110000)).slice(0, 8),
      autoV2: whole.slice(0, 10),
      autoV3: sha256(bytes).slice(0, 12),
      tensors: `0x${sha256(bytes)}`,
      stated: [],
    })
  })

  it("checks the metadata's hashes", async () => {
    const metadata = new Map([
      ["sshs_model_hash", sha256(bytes)],
      ["modelspec.hash_sha256", "0x00"],
    ])
    const { tensors } = await openSafetensors(file)
    const named = serializeSafetensors(new Map([["t", { ...(tensors.get("t") ?? expect.fail()), bytes }]]), metadata)
    expect((await hashSafetensors(named)).stated).toEqual([
      { key: "modelspec.hash_sha256", value: "0x00", holds: false },
      { key: "sshs_model_hash", value: sha256(bytes), holds: true },
    ])
  })

  it("takes another SHA-256, and files shorter than 1 MiB", async () => {
    const small = serializeSafetensors(new Map())
    const createHasher = () => {
      const hash = createHash("sha256")
      return { update: (piece: Uint8Array) => void hash.update(piece), digest: () => hash.digest("hex") }
    }
    expect(await hashSafetensors(small, { createHasher })).toEqual(await hashSafetensors(small))
    expect((await hashSafetensors(small)).autoV1).toBe("e3b0c442")
  })
})
