import { describe, expect, it } from "vitest"
import { lossCurve } from "../report/loss-curve.ts"
import { escapeHtml } from "../report/page.ts"
import { renderReport } from "./report.ts"

const contents = {
  sheet: Uint8Array.of(1, 2, 3),
  losses: [0.5, 0.25, 0.125],
  edgeF1: { without: 0.114, with: 0.416 },
  pictures: 24,
  figures: [["Memory", "900 MiB"]],
  settings: [["Prompt", '<script>alert("x")</script> & more']],
  lllite: "a<b>.safetensors",
} as const

describe("renderReport", () => {
  const html = renderReport(contents)

  it("shows the figures and the sheet", () => {
    expect(html).toContain("<strong>0.11</strong>")
    expect(html).toContain("<strong>0.42</strong>")
    expect(html).toContain('src="data:image/png;base64,AQID"')
    expect(html).toContain("900 MiB")
  })

  it("needs nothing from elsewhere, and forbids it", () => {
    expect(html).not.toMatch(/(src|href)="(?!data:)/)
    expect(html).not.toContain("<script")
    expect(html).toContain("default-src 'none'")
  })

  it("escapes what it is given", () => {
    expect(html).toContain("&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62; &#38; more")
    expect(html).toContain("a&#60;b&#62;.safetensors")
    expect(escapeHtml("it's")).toBe("it&#39;s")
  })
})

describe("lossCurve", () => {
  it("draws every step, from the left to the right, the largest at the top", () => {
    const [, path = ""] = /d="([^"]+)" class="steps"/.exec(lossCurve([1, 0.5, 0])) ?? []
    const points = path
      .slice(1)
      .split("L")
      .map((point) => point.split(" ").map(Number))
    expect(points).toHaveLength(3)
    expect(points.map(([x]) => x)).toEqual([48, 339, 630])
    expect(points.map(([, y]) => y)).toEqual([10, 101, 192])
  })

  it("draws a run of one step, and one without loss", () => {
    for (const losses of [[0.3], [0, 0]]) expect(lossCurve(losses)).not.toMatch(/NaN|Infinity/)
  })
})
