import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { canny, greyToRgb, rgbToGrey } from "@lllite/core/image"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { fromBytes, openSafetensors } from "@lllite/format"
import { enumerateSites } from "@lllite/format/selections"
import { serializeSafetensors } from "@lllite/format/write"
import { readImage, readPngText, writeLlliteFile, writePng } from "@lllite/runtime-node"
import { captionOf, drawScene, heldOutSeed, makeScene } from "@lllite/tiny"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { launchChromium, needsChromium } from "../../../packages/format/test/chromium.ts"
import { longOnly } from "../../../packages/format/test/needs.ts"
import { serveFolders } from "../../../packages/runtime-web/test/browser.ts"
import { parseArguments } from "../src/command/arguments.ts"
import { findListed } from "../src/program.ts"

/*
 * Runs the commands of the READMEs in a folder that looks like a user's after `npm start`.
 */

const root = fileURLToPath(new URL("../../..", import.meta.url))
const run = promisify(execFile)
let folder = ""
const at = (...names: readonly string[]): string => join(folder, ...names)

/** The fenced blocks of a language in a Markdown file. */
async function blocks(path: string, language: string): Promise<string[]> {
  const text = await readFile(join(root, path), "utf8")
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, block = ""]) => block,
  )
}

/** The commands of a file's shell blocks that call `lllite`, by default the one of this tree. */
async function commands(path: string, program = "node apps/cli/dist/main.js"): Promise<string[]> {
  const lines = (await blocks(path, "sh")).flatMap((block) => block.replace(/\\\n\s*/g, " ").split("\n"))
  return lines.filter((line) => line.startsWith(`${program} `)).map((line) => line.replace(/ +#.*$/, ""))
}

/** The README's example with fewer steps, and its import in a browser. */
async function exampleCode(): Promise<readonly [example: string, otherImport: string]> {
  const [example = "", otherImport = ""] = await blocks("README.md", "js")
  const short = example.replace("guidanceScale: 1.5", "guidanceScale: 1.5, steps: 4")
  expect(short).not.toBe(example)
  return [short, otherImport]
}

function withoutComments(code: string): string {
  return code.replaceAll(/ *\/\/ .*$/gm, "")
}

/** The arguments of a command line. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "")
}

async function type(command: string): Promise<string> {
  // The Node of the tests. The path may have another one.
  const [, ...words] = wordsOf(command)
  const { stdout } = await run(process.execPath, words, { cwd: folder })
  return stdout
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-readme-"))
  await symlink(join(root, "apps"), at("apps"))
  await symlink(join(root, "packages"), at("packages"))
  await mkdir(at("node_modules", "@lllite"), { recursive: true })
  await symlink(join(root, "packages", "runtime-node"), at("node_modules", "@lllite", "runtime-node"))
  await mkdir(at("demo-output", "pictures"), { recursive: true })
  // An untrained LLLite for the tiny SDXL replaces the one of `npm start`.
  const layout = { modelChannels: 64, channelMult: [1, 1, 2], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
  const model = createLllite(enumerateSites(layout), { condDim: 32, mlpDim: 64 }, createStream(1, "init"))
  await writeLlliteFile(at("demo-output", "lllite-canny.safetensors"), model, { dtype: "F16" })
  for (let i = 0; i < 4; i++) {
    const scene = makeScene(heldOutSeed, i)
    const image = drawScene(scene)
    const control = greyToRgb(canny(rgbToGrey(image), { low: 100, high: 200 }))
    if (i === 0) await writePng(at("demo-output", "pictures", "00-control.png"), control)
    await writePng(at("images", `0${i}.png`), image)
    await writePng(at("controls", `0${i}.png`), control)
    await writeFile(at("images", `0${i}.txt`), captionOf(scene))
  }
  // The guide's file with fewer and smaller steps.
  const [toml = ""] = await blocks("docs/guides/training.md", "toml")
  const short = toml
    .replace(/^max_train_steps = .*$/m, "max_train_steps = 2")
    .replace(/^train_batch_size = .*$/m, "train_batch_size = 2")
  expect(short).not.toBe(toml)
  await writeFile(at("train.toml"), short)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Guides whose commands draw and train for minutes. That their options exist is tested each time. */
const drawsMuch = { ...longOnly, timeout: 600_000 }

describe("the commands of the READMEs", () => {
  it("are the same in both languages", async () => {
    expect(await commands("README.ja.md")).toEqual(await commands("README.md"))
    expect(await blocks("README.ja.md", "toml")).toEqual(await blocks("README.md", "toml"))
    const code = (await blocks("README.md", "js")).map(withoutComments)
    expect((await blocks("README.ja.md", "js")).map(withoutComments)).toEqual(code)
  })

  it("generate, inspect and train", async () => {
    const typed = await commands("README.md")
    expect(typed.map((command) => command.split(" ")[2])).toEqual(["generate", "inspect", "convert", "train"])
    const [generate = "", inspect = "", convert = "", train = ""] = typed
    await type(generate)
    const [picture = ""] = (await readdir(at("out"))).filter((name) => name.endsWith(".png"))
    expect((await readPngText(at("out", picture))).get("prompt")).toBe("a small red ring and a red square")
    expect(await type(inspect)).toContain("LLLite")
    expect(await type(convert)).toMatch(/^Wrote .* 20 sites, condDim 32, mlpDim 64, BF16/)
    await type(train)
    expect(await type("node apps/cli/dist/main.js inspect out/my-lllite.safetensors")).toMatch(/sites\s+20:/)
  })

  it("run as code", async () => {
    const [example] = await exampleCode()
    await writeFile(at("example.mjs"), example)
    await run(process.execPath, ["example.mjs"], { cwd: folder })
    expect(await readImage(at("out.png"))).toMatchObject({ width: 128, height: 128 })
  })

  it("run as code in Chromium with another import", needsChromium, async () => {
    const [example, otherImport] = await exampleCode()
    const inPage = example.replace(/^import .* from "@lllite\/runtime-node"\n/, otherImport)
    expect(inPage).toMatch(/^import .* from "@lllite\/runtime-web"\n/)
    expect(inPage).not.toContain("runtime-node")
    await writeFile(at("example.js"), inPage)
    const imports = { "@lllite/runtime-web": "/packages/runtime-web/dist/index.js" }
    await writeFile(
      at("index.html"),
      `<script type="importmap">${JSON.stringify({ imports })}</script><script type="module" src="example.js"></script>`,
    )
    const server = await serveFolders({ "/": folder })
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      const failed = new Promise<never>((_, reject) => page.on("pageerror", reject))
      const [download] = await Promise.all([
        Promise.race([page.waitForEvent("download", { timeout: 0 }), failed]),
        page.goto(server.url),
      ])
      expect(download.suggestedFilename()).toBe("out.png")
      await download.saveAs(at("out-of-chromium.png"))
      // One seed gives one picture, up to the order of sums.
      const [inTab, inNode] = [await readImage(at("out-of-chromium.png")), await readImage(at("out.png"))]
      const farthest = inNode.data.map((value, i) => Math.abs(value - (inTab.data[i] ?? 0)))
      expect(Math.max(...farthest)).toBeLessThanOrEqual(2)
    } finally {
      await browser.close()
      await server.close()
    }
  })

  it.each([
    "apps/cli/README.md",
    ...["comfyui", "command", "datasets", "preprocessors", "sd-scripts", "steering", "training"].map(
      (name) => `docs/guides/${name}.md`,
    ),
  ])("have options that exist in %s", async (path) => {
    const lines = await commands(path, "lllite")
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) {
      const { listed, rest: argv } = findListed(wordsOf(line).slice(1))
      const { name } = listed
      const command = await listed.load()
      const table = Object.fromEntries(command.groups.flatMap(([, options]) => Object.entries(options)))
      const { hasUnknown, problems } = parseArguments(table, argv, name)
      expect({ line, name: command.name, hasUnknown, problems }).toEqual({
        line,
        name,
        hasUnknown: false,
        problems: [],
      })
    }
  })

  it("run in the guide to control pictures", async () => {
    const lines = await commands("docs/guides/preprocessors.md", "lllite")
    expect(lines.length).toBeGreaterThan(3)
    const drawing = at("demo-output", "pictures", "00-control.png")
    for (const name of ["photo.jpg", join("photos", "1.jpg"), join("photos", "2.png")]) await cp(drawing, at(name))
    await cp(at("demo-output", "lllite-canny.safetensors"), at("canny.safetensors"))
    for (const line of lines) await type(line.replace(/^lllite/, "node apps/cli/dist/main.js"))
    expect(await readdir(at("edges"))).toEqual(["1.png", "2.png"])
    expect(await readdir(at("blurred"))).toEqual(["1.png"])
  }, 120_000)

  it("run in the guide to data sets", drawsMuch, async () => {
    const lines = await commands("docs/guides/datasets.md", "lllite")
    expect(lines.map((line) => /^lllite (dataset \w+|\w+)/.exec(line)?.[1])).toEqual([
      ...["dataset make", "dataset make", "dataset make"],
      ...["dataset check", "dataset check", "dataset check", "dataset check", "train", "generate"],
    ])
    const [, prompts = ""] =
      /^```\n(a __[\s\S]*?)```$/m.exec(await readFile(join(root, "docs/guides/datasets.md"), "utf8")) ?? []
    await writeFile(at("prompts.txt"), prompts)
    await mkdir(at("wildcards"))
    await writeFile(at("wildcards", "colour.txt"), "red\nblue\n")
    await rm(at("photos"), { recursive: true, force: true })
    await cp(at("images"), at("photos"), { recursive: true })
    // Fewer steps are enough to see that they run.
    for (const line of lines) {
      await type(
        line
          .replace(/^lllite/, "node apps/cli/dist/main.js")
          .replace(/--(steps|s) \d+/, "--steps 2")
          .replace("--max_train_steps 20", "--max_train_steps 2"),
      )
    }
    expect(await readdir(at("my-set", "controls"))).toEqual(["00.png", "01.png", "02.png", "03.png"])
    expect((await readImage(at("my-set.png"))).width).toBeGreaterThan(3 * 192)
    const captions = await Promise.all([0, 1].map((i) => readFile(at("drawn", "images", `00000${i}.txt`), "utf8")))
    expect(captions[0]).toMatch(/^a (red|blue) (star|ring)\n$/)
    expect(captions[1]).toMatch(/^a small (red|blue) ring and a square\n$/)
    expect(await readdir(at("drawn", "controls"))).toHaveLength(6)
    expect(await readdir(at("with-set"))).toHaveLength(1)
  })

  it("run in the guide to steering", drawsMuch, async () => {
    const lines = await commands("docs/guides/steering.md", "lllite")
    expect(lines.length).toBeGreaterThan(5)
    for (const name of ["canny", "other"]) {
      await cp(at("demo-output", "lllite-canny.safetensors"), at(`${name}.safetensors`))
    }
    const edges = await readImage(at("demo-output", "pictures", "00-control.png"))
    await writePng(at("edges.png"), edges)
    const left = new Uint8Array(edges.data.length).map((_, i) => (Math.floor(i / 3) % edges.width < 64 ? 255 : 0))
    await writePng(at("left.png"), { ...edges, data: left })
    // Fewer steps are enough to see that they run.
    for (const line of lines)
      await type(line.replace(/^lllite/, "node apps/cli/dist/main.js").replace("--steps 8", "--steps 2"))
    expect((await readPngText(at("sheet", "grid.png"))).get("lllite-grid")).toContain('"strength"')
    expect((await readdir(at("out"))).filter((name) => name.endsWith(".lllite-1.png"))).toHaveLength(1)
  })

  it("run in the guide for users of sd-scripts", drawsMuch, async () => {
    const lines = await commands("docs/guides/sd-scripts.md", "lllite")
    expect(lines).toHaveLength(2)
    await cp(at("demo-output", "lllite-canny.safetensors"), at("canny.safetensors"))
    await cp(at("demo-output", "pictures", "00-control.png"), at("edges.png"))
    await rm(at("out"), { recursive: true, force: true })
    for (const line of lines) {
      await type(line.replace(/^lllite/, "node apps/cli/dist/main.js").replace("--steps 8", "--steps 2"))
    }
    expect(await readdir(at("out"))).toHaveLength(3)
  })

  it("run in the guide for users of ComfyUI", drawsMuch, async () => {
    const lines = await commands("docs/guides/comfyui.md", "lllite")
    expect(lines.length).toBeGreaterThan(5)
    const models = at("ComfyUI", "custom_nodes", "ControlNet-LLLite-ComfyUI", "models")
    await mkdir(models, { recursive: true })
    await mkdir(at("ComfyUI", "input"))
    for (const path of [at(), models]) {
      await cp(at("demo-output", "lllite-canny.safetensors"), join(path, "canny.safetensors"))
    }
    await cp(at("demo-output", "pictures", "00-control.png"), at("edges.png"))
    await cp(at("edges.png"), at("ComfyUI", "input", "edges.png"))
    await rm(at("out"), { recursive: true, force: true })
    for (const line of lines) {
      await type(line.replace(/^lllite/, "node apps/cli/dist/main.js").replace(/--steps \d/, "--steps 2"))
    }
    expect(JSON.parse(await readFile(at("ring.json"), "utf8"))).toMatchObject({ version: 0.4 })
    expect(await readdir(at("again"))).toEqual(["im_000000_7.png", "im_000001_9.png"])
    const [first, again] = await Promise.all(["out", "again"].map((name) => readImage(at(name, "im_000000_7.png"))))
    expect(again?.data).toEqual(first?.data)
  })

  it("run in the guide to the command, without those that need a network or a build", async () => {
    const lines = (await commands("docs/guides/command.md", "lllite")).filter(
      (line) => !/https:|index\.json|owner\/name|lllite setup/.test(line),
    )
    expect(lines.length).toBeGreaterThan(10)
    const lllite = at("demo-output", "lllite-canny.safetensors")
    for (const name of ["canny", "model", "my", "a", "b", "shared"]) await cp(lllite, at(`${name}.safetensors`))
    await cp(lllite, at("state", "model.safetensors"))
    const edges = at("demo-output", "pictures", "00-control.png")
    await cp(edges, at("edges.png"))
    const parameters = "a star\nSteps: 4, Sampler: Euler, CFG scale: 2, Seed: 5, Size: 128x128, Model: xl"
    await writePng(at("picture.png"), await readImage(edges), new Map([["parameters", parameters]]))
    await writeFile(at("style.safetensors"), await tinyLora())
    const outputs = new Set<string>()
    for (const line of lines) {
      const [, written] = /--output (\S+)/.exec(line) ?? []
      // The one that writes my.safetensors replaces it here. The next removes its key `note`.
      if (line.includes("--unset note"))
        await type("node apps/cli/dist/main.js edit my.safetensors --set note=old --force")
      const force = written === "my.safetensors" ? " --force" : ""
      await type(line.replace(/^lllite/, "node apps/cli/dist/main.js") + force)
      if (written !== undefined) outputs.add(written)
    }
    for (const written of outputs) expect(await readFile(at(written))).not.toHaveLength(0)
  }, 120_000)
})

/** A LoRA for one layer of the tiny SDXL. */
async function tinyLora(): Promise<Uint8Array> {
  const path = join(root, "packages/tiny/model/tiny-sdxl.safetensors")
  const { tensors } = await openSafetensors(fromBytes(await readFile(path), path))
  const [width = 0] = tensors.get("model.diffusion_model.input_blocks.4.1.proj_in.weight")?.shape ?? []
  const tensor = (shape: readonly number[]) => {
    const values = new Float32Array(width).fill(0.01)
    return { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) } as const
  }
  const module = "lora_unet_input_blocks_4_1_proj_in"
  return serializeSafetensors(
    new Map([
      [`${module}.lora_down.weight`, tensor([1, width])],
      [`${module}.lora_up.weight`, tensor([width, 1])],
    ]),
  )
}
