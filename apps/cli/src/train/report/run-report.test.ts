import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage } from "@lllite/runtime-node"
import { afterAll, describe, expect, it } from "vitest"
import { createReporter } from "../../terminal/progress.ts"
import type { Sample } from "../samples/sample-plan.ts"
import { renderRunReport, reportRun } from "./run-report.ts"

const HOSTILE = '<script>alert("x")</script>'
const folder = mkdtempSync(join(tmpdir(), "lllite-report-"))
afterAll(() => rmSync(folder, { recursive: true }))

const control = blankImage(800, 400, [255, 255, 255])
const sample: Sample = {
  ...{ prompt: HOSTILE, negativePrompt: "", width: 800, height: 400, steps: 1, guidanceScale: 1, seed: 0 },
  ...{ namesSeed: false, sampler: "ddim", control, controlPath: null },
}
const set = (step: number) => ({ step, pictures: [{ sample, control, without: control, with: control }] })
const follow = { name: "edges", real: 0.91, chance: 0.12, with: 0.74, without: 0.21 } as const
const measured = { step: 5, loss: 0.01234, lossWithout: 0.02, lossAt: new Map([[200, 0.1]]), follow }
const contents = {
  ...{ outputName: `a${HOSTILE}`, steps: 10, losses: [3, 2, 1], settings: [["Seed", HOSTILE]] as const },
  ...{ figures: [["Machine", "wasm"]] as const, validations: [measured], samples: [set(2), set(5)] },
}

describe("the report of a run", () => {
  it("shows samples, held-out pairs, losses and figures, and needs nothing from elsewhere", () => {
    const html = renderRunReport(contents)
    for (const text of ["after 3 of 10 steps", "Samples of step 2", "Samples of step 5", "<strong>0.74</strong>"]) {
      expect(html).toContain(text)
    }
    expect(html).toContain("0.91 for the real pictures, and 0.12 for pictures of other controls")
    expect(html).toContain("<td>0.01234</td>")
    // Pictures are made small.
    expect(html).toContain('width="384" height="192"')
    expect(html).not.toContain("<script")
    expect(html).not.toMatch(/(src|href)="(?!data:)/)
  })

  it("shows a run of one step, and one of very many", () => {
    for (const losses of [[0.5], Array.from({ length: 300_000 }, (_, i) => 1 / (i + 1))]) {
      const html = renderRunReport({ ...contents, losses, validations: [], samples: [] })
      expect(html).not.toMatch(/NaN|Infinity/)
      expect(html).toContain(`step ${losses.length}</text>`)
      expect(html.length).toBeLessThan(200_000)
    }
  })

  it("is written at the end, beside one that is not to be replaced, and not for a run without a step", async () => {
    const said: string[] = []
    const run = {
      ...{ outputDir: folder, outputName: "canny", replaces: false, steps: 3, settings: [], machine: "wasm" },
      history: { length: 1, losses: [0.5] },
      reporter: createReporter({ write: (text: string) => void said.push(text) }),
    }
    await reportRun(run).close?.()
    expect(said).toEqual([])
    writeFileSync(join(folder, "canny-report.html"), "mine")
    const report = reportRun(run)
    const rates = { learningRate: 1, gradientNorm: 1, adaptedRate: null, seconds: 2, memoryMiB: 100, deviceMiB: null }
    await report.step?.({ step: 1, epoch: 1, loss: 0.5, averageLoss: 0.5, ...rates })
    await report.close?.()
    expect(readFileSync(join(folder, "canny-report.html"), "utf8")).toBe("mine")
    expect(readFileSync(join(folder, "canny-report-2.html"), "utf8")).toContain("1 of 3 steps")
    expect(said.join()).toContain("canny-report-2.html")
    await reportRun({ ...run, outputDir: join(folder, "canny-report.html") }).close?.()
    const blocked = reportRun({ ...run, outputDir: join(folder, "canny-report.html") })
    await blocked.step?.({ step: 1, epoch: 1, loss: 0.5, averageLoss: 0.5, ...rates })
    await blocked.close?.()
    expect(said.at(-1)).toContain("the report is not written")
  })
})
