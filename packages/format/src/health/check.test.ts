import { describe, expect, it } from "vitest"
import { smallLllite } from "../../test/lllite-file.ts"
import { describeWithReference, referenceBytes } from "../../test/reference.ts"
import type { LlliteSite } from "../lllite/read.ts"
import { readLllite } from "../lllite/read.ts"
import type { SiteTensorName } from "../lllite/tensors.ts"
import { siteTensorShapes } from "../lllite/tensors.ts"
import type { LlliteHealth } from "./check.ts"
import { checkLllite } from "./check.ts"

/** Numbers that look random and are the same each time. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const count = (site: LlliteSite, name: SiteTensorName): number =>
  (siteTensorShapes(site, site).get(name) ?? []).reduce((product, size) => product * size, 1)

/** An LLLite of plausible values, with some of them changed. */
async function healthOf(
  change: (values: Float32Array, site: LlliteSite, name: SiteTensorName) => void,
  scale = 1,
): Promise<LlliteHealth> {
  const random = createRandom(1)
  const file = await smallLllite({
    values: (site, name) => {
      const length = count(site, name)
      const fanIn = name.endsWith("weight") ? length / count(site, name.replace("weight", "bias") as SiteTensorName) : 4
      const values = Float32Array.from({ length }, () => (scale * (2 * random() - 1)) / Math.sqrt(fanIn))
      change(values, site, name)
      return values
    },
  })
  return checkLllite(await readLllite(file))
}

const codes = ({ findings }: LlliteHealth): string[] => findings.map(({ code }) => code)

describe("checkLllite", () => {
  it("finds nothing wrong with plausible values", async () => {
    const health = await healthOf(() => {})
    expect(health.findings).toEqual([])
    expect(health.blocks.map(({ block }) => block)).toEqual(["input 4", "input 5", "input 7", "input 8", "middle"])
    expect(health.blocks.reduce((sum, { siteCount }) => sum + siteCount, 0)).toBe(health.sites.length)
    for (const { strength, controlStrength } of health.sites) {
      expect(strength).toBeGreaterThan(controlStrength)
      expect(controlStrength).toBeGreaterThan(0)
    }
  })

  it("counts NaN and infinities, and names where they are", async () => {
    const health = await healthOf((values, site, name) => {
      if (site.path === "middle_block.1.transformer_blocks.1.attn2.to_q" && name === "mid.0.weight")
        values[3] = Number.NaN
      if (site.block === "input 5" && name === "down.0.bias") values[0] = Number.NEGATIVE_INFINITY
    })
    expect(codes(health)).toEqual(["nan", "infinity"])
    expect(health.findings[0]).toMatchObject({
      severity: "error",
      sites: ["lllite_unet_middle_block_1_transformer_blocks_1_attn2_to_q"],
      advice: expect.stringMatching(/^1 values at middle_block\.1\.transformer_blocks\.1\.attn2\.to_q are NaN.*black/),
    })
    expect(health.findings[1]?.sites).toHaveLength(4)
  })

  it("distinguishes dead sites from sites that add the same everywhere", async () => {
    const health = await healthOf((values, site, name) => {
      if (site.block === "input 4" && name.startsWith("up.0.")) values.fill(0)
      if (site.block === "input 5" && name === "up.0.weight") values.fill(0)
    })
    expect(codes(health)).toEqual(["dead-sites", "no-control"])
    expect(health.findings[0]?.advice).toMatch(/^4 of \d+ sites add next to nothing.*prune them/)
    expect(health.blocks[0]).toMatchObject({ block: "input 4", strength: 0, norms: { up: 0 } })
  })

  it("recognises a file that was never trained", async () => {
    const health = await healthOf((values, _, name) => {
      if (name === "up.0.weight") values.fill(0)
    })
    expect(codes(health)).toEqual(["untrained"])
  })

  it("finds numbers that float16 cannot hold, in the file and during the computation", async () => {
    const large = await healthOf((values, site, name) => {
      if (site.block === "middle" && name === "conditioning1.0.bias") values[0] = -7e4
    })
    expect(codes(large)).toContain("half-overflow")
    expect(codes(large)).toContain("half-activation")
    const deep = await healthOf(() => {}, 40)
    expect(codes(deep)).toEqual(["half-activation"])
  })

  it("finds adapters that are stronger than their host's input", async () => {
    expect(codes(await healthOf(() => {}, 4))).toContain("overpowering")
  })

  it("supposes lines on black where the metadata names such a preprocessor", async () => {
    const strengthsOf = async (preprocessor: string | null): Promise<number[]> => {
      const random = createRandom(1)
      const file = await readLllite(
        await smallLllite({
          values: (site, name) => Float32Array.from({ length: count(site, name) }, () => random() - 0.5),
          ...(preprocessor === null ? {} : { metadata: new Map([["modelspec.preprocessor", preprocessor]]) }),
        }),
      )
      return (await checkLllite(file)).sites.map(({ strength }) => strength)
    }
    const noise = await strengthsOf(null)
    expect(await strengthsOf("depth")).toEqual(noise)
    const lines = await strengthsOf("canny")
    for (const [i, strength] of lines.entries()) expect(strength).not.toBe(noise[i])
    for (const name of ["lineart_anime", "SoftEdge_HED", "scribble"]) expect(await strengthsOf(name)).toEqual(lines)
  })

  it("estimates strength as running the adapter on such inputs does", async () => {
    const random = createRandom(7)
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    const file = await readLllite(
      await smallLllite({
        values: (site, name) => {
          const length = count(site, name)
          return Float32Array.from({ length }, () => normal() / Math.sqrt(name.endsWith("bias") ? 9 : length / 8))
        },
      }),
    )
    const { sites } = await checkLllite(file)
    for (const depth of [2, 3] as const) {
      const health = sites.find(({ site }) => site.depth === depth)
      if (health === undefined) throw new Error("no such site")
      const sampled = await sampleStrength(file, health.site, random, normal)
      expect(health.strength / sampled).toBeGreaterThan(0.85)
      expect(health.strength / sampled).toBeLessThan(1.15)
    }
  })
})

describeWithReference("checkLllite on the reference's files", ["files/lllite-tiny-f32.safetensors"], () => {
  it.each(["f32", "fp16", "bf16"])("finds nothing broken in the %s file", async (dtype) => {
    const health = await checkLllite(await readLllite(referenceBytes(`files/lllite-tiny-${dtype}.safetensors`)))
    expect(health.findings.filter(({ severity }) => severity === "error")).toEqual([])
    expect(health.sites.every(({ strength }) => Number.isFinite(strength))).toBe(true)
  })
})

/** Runs the adapter, plainly, on many independent inputs. */
async function sampleStrength(
  file: Awaited<ReturnType<typeof readLllite>>,
  site: LlliteSite,
  random: () => number,
  normal: () => number,
): Promise<number> {
  const tensor = (name: string): Promise<Float32Array> => file.tensor(site, name as SiteTensorName)
  const layers = new Map<string, { weight: Float32Array; bias: Float32Array }>()
  const names = [
    "conditioning1.0",
    "conditioning1.2",
    ...(site.depth === 3 ? ["conditioning1.4"] : []),
    "down.0",
    "mid.0",
    "up.0",
  ]
  for (const name of names)
    layers.set(name, { weight: await tensor(`${name}.weight`), bias: await tensor(`${name}.bias`) })
  const run = (name: string, x: readonly number[]): number[] => {
    const { weight, bias } = layers.get(name) ?? { weight: new Float32Array(0), bias: new Float32Array(0) }
    return [...bias].map((b, out) => x.reduce((sum, value, i) => sum + value * (weight[out * x.length + i] ?? 0), b))
  }
  const relu = (x: readonly number[]): number[] => x.map((value) => Math.max(0, value))
  const conv = (name: string, length: number, below: (place: number) => readonly number[]): number[] => {
    // [channel][place], in the order of the weights. Each place of the patch has separate channels.
    const patches = Array.from({ length }, (_, place) => below(place))
    return run(
      name,
      (patches[0] ?? []).flatMap((_, channel) => patches.map((patch) => patch[channel] ?? 0)),
    )
  }
  const pixel = (): number[] => [2 * random() - 1, 2 * random() - 1, 2 * random() - 1]
  const first = (): number[] => conv("conditioning1.0", 16, pixel)
  const second = (): number[] => conv("conditioning1.2", 16, () => relu(first()))
  const third = (): number[] => conv("conditioning1.4", 4, () => relu(second()))
  let squares = 0
  const runs = 400
  for (let i = 0; i < runs; i++) {
    const host = relu(run("down.0", Array.from({ length: site.inDim }, normal)))
    const delta = run("up.0", relu(run("mid.0", [...(site.depth === 3 ? third() : second()), ...host])))
    squares += delta.reduce((sum, value) => sum + value * value, 0) / delta.length
  }
  return Math.sqrt(squares / runs)
}
