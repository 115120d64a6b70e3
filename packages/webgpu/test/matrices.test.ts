import { spawnSync } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { needs } from "../../format/test/needs.ts"
import { findMatricesDriver } from "./drivers.ts"

const driver = findMatricesDriver()

const needsDriver = needs(
  "a driver with subgroup matrices. scripts/lavapipe.sh --matrices fetches one",
  driver !== null,
)

describe("lavapipe with subgroup matrices", needsDriver, () => {
  it("passes the tests of products on them, in its own Node", () => {
    const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs")
    const { status, stdout, stderr } = spawnSync(
      driver?.node ?? "",
      [vitest, "run", "--maxWorkers=1", fileURLToPath(new URL("on-matrices.test.ts", import.meta.url))],
      {
        cwd: fileURLToPath(new URL("../../..", import.meta.url)),
        env: {
          ...process.env,
          VK_ICD_FILENAMES: driver?.description,
          LD_LIBRARY_PATH: "",
          LP_NATIVE_VECTOR_WIDTH: "256",
          NO_COLOR: "1",
        },
        encoding: "utf8",
      },
    )
    const said = `${stdout}${stderr}`
    expect(said).toMatch(/WebGPU: llvmpipe/)
    // A driver without matrices would skip every test.
    expect(said).toMatch(/^([8-9]|1\d) passed, 0 failed/m)
    expect({ status, said: status === 0 ? "" : said }).toEqual({ status: 0, said: "" })
  })
})
