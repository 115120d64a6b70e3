import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createMt19937 } from "./mt19937.ts"
import { createTorchGenerator, type TorchGeneratorName } from "./torch.ts"

describe("mt19937", () => {
  it("gives the reference's words for its default seed", () => {
    const next = createMt19937(5489)
    expect([next(), next(), next()]).toEqual([3499211612, 581869302, 3890346734])
  })

  it("gives 4123659995 as the 10,000th word, as the C++ standard requires", () => {
    const next = createMt19937(5489)
    for (let i = 1; i < 10_000; i++) next()
    expect(next()).toBe(4123659995)
  })
})

describe("torch-cpu", () => {
  it("is torch.randn bit for bit below 16 values, over calls that share a pair", () => {
    const generator = createTorchGenerator("torch-cpu", 0)
    const want = [1.5409960746765137, -0.293428897857666, -2.1787893772125244, 0.5684312582015991]
    expect([...generator.randn(3), ...generator.randn(1)]).toEqual(want)
  })

  it("is torch.randn within three units in the last place from 16 values on", () => {
    // torch.randn(20) of torch 2.8 with manual_seed(1): the last 16 are drawn anew.
    const want = [
      -1.5255959033966064, -0.7502318024635315, -0.6539809107780457, -1.6094847917556763, 0.8656923770904541,
      0.2444038987159729, -0.6629113554954529, 0.8073082566261292, 0.43914157152175903, 1.1712007522583008,
      1.7674273252487183, -0.09536188095808029, 0.0611552819609642, -0.6177444458007812, -0.7980698347091675,
      -0.13162320852279663, -0.7984398007392883, 0.33573052287101746, 0.2753335237503052, 1.7163026332855225,
    ]
    const ours = createTorchGenerator("torch-cpu", 1).randn(20)
    for (const [i, value] of want.entries()) expect(Math.abs((ours[i] ?? Number.NaN) - value)).toBeLessThan(2.4e-7)
  })

  it("takes the low 32 bits of a seed", () => {
    const small = createTorchGenerator("torch-cpu", 5).randn(4)
    expect(createTorchGenerator("torch-cpu", 2 ** 33 + 5).randn(4)).toEqual(small)
  })
})

describe.each(["torch-cpu", "torch-cuda"] as const)("a part of a draw of %s", (name) => {
  it("has the values of the whole draw, and the generator goes on after all of it", () => {
    const sizes = fc.record({ of: fc.integer({ min: 1, max: 80 }), a: fc.double({ min: 0, max: 1, noNaN: true }) })
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 1, noNaN: true }), ({ of, a }, b) => {
        const [from, to] = [Math.floor(Math.min(a, b) * of), Math.ceil(Math.max(a, b) * of)]
        const [whole, part] = [createTorchGenerator(name, 7), createTorchGenerator(name, 7)]
        expect(part.randn(to - from, { from, of })).toEqual(whole.randn(of).slice(from, to))
        expect(part.randn(20)).toEqual(whole.randn(20))
      }),
    )
  })

  it("is refused outside of the draw", () => {
    const draw = createTorchGenerator(name, 7)
    expect(() => draw.randn(3, { from: 2, of: 4 })).toThrow("3 values from 2 on are not in a draw of 4")
  })
})

describe("torch-cuda", () => {
  it("is torch.randn on a GPU", () => {
    const ours = createTorchGenerator("torch-cuda", 0).randn(4)
    // Published by stable-diffusion-webui (modules/rng_philox.py) for seed 0.
    for (const [i, value] of [-0.92466, -0.42534, -2.6438, 0.14518].entries()) {
      expect(Math.abs((ours[i] ?? Number.NaN) - value)).toBeLessThan(6e-5)
    }
  })

  it("is torch.rand on a GPU", () => {
    // torch.rand(5, device="cuda") with manual_seed(0), as PyTorch prints it.
    const ours = createTorchGenerator("torch-cuda", 0).rand(5)
    for (const [i, value] of [0.399, 0.5167, 0.0249, 0.9401, 0.9459].entries())
      expect(Math.abs((ours[i] ?? Number.NaN) - value)).toBeLessThan(6e-5)
  })

  it("gives other values at the next call", () => {
    const generator = createTorchGenerator("torch-cuda", 0)
    const first = generator.randn(8)
    expect(generator.randn(8)).not.toEqual(first)
    expect(createTorchGenerator("torch-cuda", 0).randn(8)).toEqual(first)
  })
})

describe("createTorchGenerator", () => {
  it("names the generators there are", () => {
    expect(() => createTorchGenerator("torch-mps" as TorchGeneratorName, 0)).toThrow(/torch-cpu, torch-cuda/)
  })
})
