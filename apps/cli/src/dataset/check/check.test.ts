import { spawnSync } from "node:child_process"
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { blankImage, readImage, writePng } from "@lllite/runtime-node"
import { drawScene, makeScene } from "@lllite/tiny"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

/* The built command. `turbo run build` comes first. */

const main = fileURLToPath(new URL("../../../dist/main.js", import.meta.url))
let folder = ""

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-check-"))
  for (let i = 0; i < 3; i++) {
    await writePng(join(folder, "set", "images", `${i}.png`), drawScene(makeScene(2, i)))
    await writePng(join(folder, "set", "controls", `${i}.png`), drawScene(makeScene(3, i)))
    await writeFile(join(folder, "set", "images", `${i}.txt`), "a shape")
  }
  await cp(join(folder, "set"), join(folder, "bad"), { recursive: true })
  await rm(join(folder, "bad", "controls", "1.png"))
  await writeFile(
    join(folder, "set.toml"),
    [
      '[general]\nresolution = 128\ncaption_extension = ".txt"\n[[datasets]]\n[[datasets.subsets]]',
      'image_dir = "bad/images"\nconditioning_data_dir = "bad/controls"\n',
    ].join("\n"),
  )
})
afterAll(() => rm(folder, { recursive: true }))

function check(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "dataset", "check", ...args], {
    cwd: folder,
    encoding: "utf8",
  })
  return { status, stdout, stderr: stderr.replaceAll(/^\{.*\}\n/gm, "") }
}

const OPTIONS = ["--resolution", "128", "--caption_extension", ".txt"] as const

describe("lllite dataset check", () => {
  it("reports a folder that can be trained, and writes its sheet once", async () => {
    const first = check("set", ...OPTIONS, "--train_batch_size", "2", "--sheet", "sheet.png")
    expect(first).toMatchObject({ status: 0, stderr: "" })
    expect(first.stdout).toMatch(/^Pairs +3 in 1 folder, 3 with repeats\nSteps +2 in an epoch, at a batch size of 2$/m)
    expect(first.stdout).toMatch(/^It can be trained: 0 problems, 0 warnings, 0 notes\.$/m)
    expect((await readImage(join(folder, "sheet.png"))).width).toBeGreaterThan(3 * 192)
    const again = check("set", ...OPTIONS, "--sheet", "sheet.png")
    expect(again).toMatchObject({ status: 1, stdout: "" })
    expect(again.stderr).toMatch(/cannot write "sheet.png": it exists already/)
    expect(check("set", ...OPTIONS, "--sheet", "sheet.png", "--force").status).toBe(0)
    expect(check("set", ...OPTIONS, "--sheet", "sheet.jpg").stderr).toMatch(/the sheet is a PNG/)
  })

  it("ends with 1 where training would, and places each problem in the file", () => {
    const { status, stdout, stderr } = check("set.toml", "--json")
    expect(status).toBe(1)
    expect(stderr).toBe("lllite: dataset check: 1 problem. The data set cannot be trained before it is solved.\n")
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ source: "set.toml", canTrain: false, problems: 1, warnings: 0, pairs: 2, sheet: null },
      findings: [
        {
          ...{ kind: "missing-control", level: "problem", files: [join("bad", "images", "1.png")] },
          ...{ where: "set.toml: datasets[0].subsets[0]", line: 6 },
        },
      ],
    })
    const text = check("set.toml").stdout
    expect(text).toContain(
      '  - set.toml: datasets[0].subsets[0], line 6: "bad/images/1.png" has no control picture: "bad/controls/1" with any extension is missing\n',
    )
  })

  it("prints the problems of options as JSON, too", () => {
    const { status, stdout, stderr } = check("--train_data_dir", "set/images", "--json")
    expect(status).toBe(1)
    expect(stderr).toMatch(/--conditioning_data_dir is missing/)
    expect(JSON.parse(stdout)).toMatchObject({ canTrain: false, problems: 1 })
  })

  it("takes a command line of train, and its file of options", async () => {
    const data = ["--train_data_dir", "set/images", "--conditioning_data_dir", "set/controls", ...OPTIONS]
    const train = ["--pretrained_model_name_or_path", "tiny", "--network_dim", "8", "--output_dir", "out"]
    expect(check(...data, ...train)).toMatchObject({ status: 0, stderr: "" })
    await writeFile(
      join(folder, "train.toml"),
      'network_dim = 8\ntrain_data_dir = "set/images"\nconditioning_data_dir = "set/controls"\nresolution = 128\n',
    )
    expect(check("--config_file", "train.toml").stdout).toMatch(/^Captions +3 missing, 0 empty$/m)
    expect(check("train.toml").stderr).toMatch(/network_dim does not belong.* lllite dataset check --config_file FILE/)
  })

  it("says what it expects where nothing can be checked", async () => {
    expect(check().stderr).toBe(
      "lllite: dataset check: expected a data set: a file or a folder. Type: lllite dataset check FILE.toml\n",
    )
    expect(check("nowhere").stderr).toMatch(/cannot read "nowhere"/)
    await mkdir(join(folder, "empty"), { recursive: true })
    expect(check("empty").stderr).toBe(
      'lllite: "empty" has no dataset.toml, and no folders images and controls. Give the folder of pictures with --train_data_dir, and that of controls with --conditioning_data_dir.\n',
    )
    expect(check("set", "--dataset_config", "set.toml").stderr).toMatch(/both name a data set/)
    await writePng(join(folder, "set", "images", "\u001b[31m.png"), blankImage(8, 8, [0, 0, 0]))
    const { status, stdout } = check("set", ...OPTIONS)
    await rm(join(folder, "set", "images", "\u001b[31m.png"))
    expect(status).toBe(1)
    expect(stdout).not.toContain("\u001b")
  })
})
