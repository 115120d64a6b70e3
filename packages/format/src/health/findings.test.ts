import { describe, expect, it } from "vitest"
import type { LlliteSite } from "../lllite/read.ts"
import { findProblems } from "./findings.ts"
import type { SiteHealth } from "./site-health.ts"

/** A site without a problem, with some of its values changed. */
const health = (name: string, change: Partial<SiteHealth> = {}): SiteHealth => ({
  site: { key: `key of ${name}`, path: name } as LlliteSite,
  norms: {} as SiteHealth["norms"],
  ...{ nanCount: 0, infinityCount: 0, largestValue: 1, isUpZero: false },
  ...{ strength: 0.5, controlStrength: 0.1, largestActivation: 10 },
  ...change,
})
const codes = (change: Partial<SiteHealth>): readonly string[] =>
  findProblems([health("a"), health("b", change)]).map(({ code }) => code)

describe("the findings of a health check", () => {
  it.each<[Partial<SiteHealth>, readonly string[]]>([
    [{}, []],
    [{ nanCount: 1 }, ["nan"]],
    [{ infinityCount: 1 }, ["infinity"]],
    // A site whose values are not all numbers has no strength.
    [{ nanCount: 1, strength: Number.NaN, largestActivation: Number.NaN }, ["nan"]],
    [{ infinityCount: 2, strength: 9, largestActivation: 1e9, largestValue: Number.POSITIVE_INFINITY }, ["infinity"]],
    [{ nanCount: 1, infinityCount: 1, strength: 0 }, ["nan", "infinity"]],
    [{ strength: 2 ** -12 - 1e-9, controlStrength: 0 }, ["dead-sites"]],
    [{ strength: 2 ** -12, controlStrength: 2 ** -13 }, []],
    [{ strength: 2 ** -12, controlStrength: 0 }, ["no-control"]],
    [{ strength: 0.5, controlStrength: 0.5e-5 }, []],
    [{ strength: 0.5, controlStrength: 0.49e-5 }, ["no-control"]],
    [{ largestValue: 65504 }, []],
    [{ largestValue: 65505 }, ["half-overflow"]],
    [{ largestActivation: 65504 }, []],
    [{ largestActivation: 65505 }, ["half-activation"]],
    [{ strength: 1 }, []],
    [{ strength: 1.001 }, ["overpowering"]],
    // It says one thing of a site whose numbers overflow.
    [{ strength: 40, largestActivation: 65505 }, ["half-activation"]],
    [{ isUpZero: true }, []],
  ])("of a site with %j are %j", (change, wanted) => {
    expect(codes(change)).toEqual(wanted)
  })

  it("name the sites, and count what they say", () => {
    const two = [health("a", { nanCount: 2 }), health("b"), health("c", { nanCount: 3 })]
    expect(findProblems(two)).toMatchObject([
      {
        code: "nan",
        severity: "error",
        sites: ["key of a", "key of c"],
        advice: expect.stringMatching(/^5 values at /),
      },
    ])
    const large = [health("a", { largestValue: 7e4 }), health("b", { largestValue: 123456 })]
    expect(findProblems(large)[0]?.advice).toMatch(/^Values up to 1.23e\+5 at .* do not fit float16/)
    const dead = [health("a", { strength: 0, controlStrength: 0 }), health("b"), health("c")]
    expect(findProblems(dead)[0]?.advice).toMatch(/^1 of 3 sites add next to nothing/)
  })

  it("speak of one site and of several", () => {
    const strong = { strength: 2 }
    expect(findProblems([health("a", strong), health("b")])[0]?.advice).toMatch(/^a adds more than the layer's own/)
    expect(findProblems([health("a", strong), health("b", strong)])[0]?.advice).toMatch(/ add more than/)
    const same = { controlStrength: 0 }
    expect(findProblems([health("a", same), health("b")])[0]?.advice).toMatch(/^a adds the same for every control/)
    expect(findProblems([health("a", same), health("b", same)])[0]?.advice).toMatch(/ add the same for every control/)
  })

  it("are one for a file that has learned nothing, and none for a file without sites", () => {
    const zero = { isUpZero: true, strength: 0, controlStrength: 0 }
    expect(findProblems([health("a", zero), health("b", zero)])).toMatchObject([
      { code: "untrained", severity: "error", sites: ["key of a", "key of b"] },
    ])
    expect(findProblems([health("a", zero), health("b", { ...zero, nanCount: 1 })]).map(({ code }) => code)).toEqual([
      "nan",
      "dead-sites",
    ])
    expect(findProblems([])).toEqual([])
  })
})
