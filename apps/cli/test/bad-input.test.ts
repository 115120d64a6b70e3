import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createLllite } from "@lllite/core/models"
import { createStream } from "@lllite/core/random"
import { enumerateSites } from "@lllite/format/selections"
import { serializeSafetensors } from "@lllite/format/write"
import { blankImage, writeLlliteFile, writePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { needs } from "../../../packages/format/test/needs.ts"
import { type Outcome, runHere } from "./in-process.test-help.ts"

/*
 * The command, used wrongly. Every case must end with one clear sentence on stderr, exit code 1, no stack trace, and
 * nothing written.
 */

const command = fileURLToPath(new URL("../dist/main.js", import.meta.url))

const lllite = (...args: readonly string[]): Promise<Outcome> => runHere(args)

/** The same in a process of its own. */
const started = (...args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr })
    })
  })

let folder = ""
const at = (...names: readonly string[]): string => join(folder, ...names)

/** A file with tensors of these names, as a model of another kind has. */
const modelWith = (name: string, ...tensors: readonly string[]): Promise<void> => {
  const tensor = { dtype: "F32" as const, shape: [2], bytes: new Uint8Array(8) }
  return writeFile(at(name), serializeSafetensors(new Map(tensors.map((key) => [key, tensor]))))
}

beforeAll(async () => {
  if (!existsSync(command)) throw new Error(`"${command}" is missing. Build the command first: npm run build`)
  folder = await mkdtemp(join(tmpdir(), "lllite-bad-input-"))
  const picture = blankImage(64, 64, [200, 100, 50])
  for (const name of ["a", "b"]) {
    await writePng(at("images", `${name}.png`), picture)
    await writePng(at("controls", `${name}.png`), picture)
    await writeFile(at("images", `${name}.caption`), "a square")
  }
  const layout = { modelChannels: 8, channelMult: [1, 2, 4], transformerDepth: [0, 1, 1], middleDepth: 1 } as const
  const model = createLllite(enumerateSites(layout), { condDim: 4, mlpDim: 8 }, createStream(1, "init"))
  await writeLlliteFile(at("good.safetensors"), model, { dtype: "F16" })
  await cp(at("good.safetensors"), at("truncated.safetensors"))
  await truncate(at("truncated.safetensors"), 9000)
  // A header that claims eight exabytes.
  await writeFile(at("hostile.safetensors"), Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 123, 125))
  await modelWith("sd15.safetensors", "model.diffusion_model.input_blocks.0.0.weight", "cond_stage_model.transformer.x")
  await modelWith("lora.safetensors", "lora_unet_input_blocks_4_1_proj_in.lora_down.weight")
  await modelWith("controlnet.safetensors", "control_model.input_blocks.0.0.weight")
  await modelWith("anima.safetensors", "lllite_dit_blocks_0.down.weight")
  await writeFile(at("model.ckpt"), Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x58, 10, 0, 0, 0, 0x73, 0x74, 0x61))
  await writeFile(at("text.png"), "this is not a picture")
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The sentence of a failed run. The output must not exist. */
async function failure(...args: readonly string[]): Promise<string> {
  const out = at("out")
  const { code, stderr, stdout } = await lllite(...args.map((argument) => (argument === "OUT" ? out : argument)))
  expect(code, stdout + stderr).toBe(1)
  expect(stderr).toMatch(/^lllite: [^\n]+\n$/)
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+|internal|unexpected error/)
  expect(existsSync(out) ? await readdir(out) : []).toEqual([])
  return stderr
}

/** The options, of which each of `more` replaces a default. */
const replacing = (defaults: readonly string[], more: readonly string[]): readonly string[] => [
  ...defaults.flatMap((option, k) => (k % 2 === 0 && !more.includes(option) ? defaults.slice(k, k + 2) : [])),
  ...more,
]

const train = (...more: readonly string[]): Promise<string> => {
  const model = ["--pretrained_model_name_or_path", "tiny"]
  const pairs = ["--train_data_dir", at("images"), "--conditioning_data_dir", at("controls")]
  return failure("train", ...replacing([...model, ...pairs, "--resolution", "64", "--output_dir", "OUT"], more))
}

const generate = (...more: readonly string[]): Promise<string> =>
  failure("generate", ...replacing(["--ckpt", "tiny", "--prompt", "x", "--outdir", "OUT", "--W", "64"], more))

const generateWith = (model: string): Promise<string> =>
  generate("--control_net_lllite_models", at(model), "--guide_image_path", at("controls", "a.png"))

describe("a data set", () => {
  it("with a missing control picture", async () => {
    await cp(at("images"), at("more"), { recursive: true })
    await writePng(at("more", "c.png"), blankImage(64, 64, [0, 0, 0]))
    const message = await train("--train_data_dir", at("more"))
    expect(message).toMatch(/c\.png" has no control picture: ".*controls.c" with any extension is missing/)
  })

  it("with a picture that is none", async () => {
    await cp(at("images"), at("broken"), { recursive: true })
    await cp(at("text.png"), at("broken", "a.png"))
    const message = await train("--train_data_dir", at("broken"))
    expect(message).toMatch(/broken.a\.png" is not a picture that can be read, expected PNG, JPEG, WebP/)
  })

  it("of a size that is not a multiple of 32", async () => {
    expect(await train("--resolution", "100")).toMatch(/resolution is 100x100, expected multiples of 32/)
  })

  it("that is not there", async () => {
    expect(await train("--train_data_dir", at("nowhere"))).toMatch(/nowhere": there is no such file or folder/)
  })
})

describe("control pictures", () => {
  const guided = (...more: readonly string[]): Promise<string> =>
    generate("--control_net_lllite_models", at("good.safetensors"), ...more)

  it("that are not there, or too few", async () => {
    expect(await guided("--guide_image_path", at("nowhere"))).toMatch(/nowhere": there is no such file or folder/)
    expect(await guided("--guide_image_path", at("images", "*.gif"))).toMatch(/no picture matches/)
    const two = ["--control_net_lllite_models", at("good.safetensors"), at("good.safetensors")]
    expect(await generate(...two, "--guide_image_path", at("controls", "a.png"))).toMatch(
      /--guide_image_path has one picture for 2 LLLites\. Expected one for each\./,
    )
  })

  it("that are broken, in a folder", async () => {
    await cp(at("controls"), at("guides"), { recursive: true })
    await cp(at("text.png"), at("guides", "0.png"))
    expect(await guided("--guide_image_path", at("guides"))).toMatch(/0\.png" is not a picture that can be read/)
  })

  it("with a preprocessor that there is not", async () => {
    const picture = ["--guide_image_path", at("controls", "a.png")]
    expect(await guided(...picture, "--control_net_preps", "depth")).toMatch(
      /"depth" needs a trained network, which is not run here/,
    )
    expect(await guided(...picture, "--control_net_preps", "cany")).toMatch(/Did you mean "canny"/)
    expect(await guided(...picture, "--control_net_preps", "blur_0")).toMatch(/sigma of blur_gaussian is 0, expected/)
  })
})

describe("a base model", () => {
  it("that is Stable Diffusion 1", async () => {
    expect(await generate("--ckpt", at("sd15.safetensors"))).toMatch(
      /sd15\.safetensors.*: expected an SDXL checkpoint, this is a Stable Diffusion 1/,
    )
    expect(await train("--pretrained_model_name_or_path", at("sd15.safetensors"))).toMatch(
      /expected an SDXL checkpoint, this is a Stable Diffusion 1/,
    )
  })

  it.each([
    ["lora.safetensors", /this is a LoRA/],
    ["good.safetensors", /this is a ControlNet-LLLite/],
    ["model.ckpt", /pickle/],
    ["truncated.safetensors", /truncated\.safetensors/],
    ["none.safetensors", /none\.safetensors": there is no such file/],
  ])("that is %s", async (name, message) => {
    expect(await generate("--ckpt", at(name))).toMatch(message)
  })
})

describe("a part of a base model", () => {
  it("that is another kind of file", async () => {
    expect(await generate("--ckpt", "tiny", "--vae", at("lora.safetensors"))).toMatch(/expected a VAE, this is a LoRA/)
    expect(await train("--pretrained_model_name_or_path", "tiny", "--unet", at("controlnet.safetensors"))).toMatch(
      /expected an SDXL U-Net, this is a ControlNet/,
    )
  })

  it("that is not in the folder", async () => {
    expect(await generate("--ckpt", at("images"))).toMatch(
      /images" has no SDXL U-Net: expected "unet.diffusion_pytorch/,
    )
  })
})

describe("an LLLite", () => {
  it.each([
    ["truncated.safetensors", /truncated\.safetensors/],
    ["hostile.safetensors", /hostile\.safetensors/],
    ["sd15.safetensors", /expected a ControlNet-LLLite for SDXL, this is a Stable Diffusion 1/],
    ["lora.safetensors", /expected a ControlNet-LLLite for SDXL, this is a LoRA/],
    [
      "controlnet.safetensors",
      /expected a ControlNet for SDXL, this is a ControlNet \(original names\) without SDXL's size conditioning/,
    ],
    ["anima.safetensors", /expected a ControlNet-LLLite for SDXL, this is a ControlNet-LLLite for Anima/],
    ["model.ckpt", /pickle/],
  ])("that is %s", async (name, message) => {
    expect(await generateWith(name)).toMatch(message)
    if (/truncated|hostile|ckpt/.test(name)) expect(await failure("inspect", at(name))).toMatch(message)
  })
})

describe("a command line", () => {
  it("with a control picture that is none", async () => {
    const message = await generate(
      "--control_net_lllite_models",
      at("good.safetensors"),
      "--guide_image_path",
      at("text.png"),
    )
    expect(message).toMatch(/text\.png" is not a picture/)
  })

  it("in a process of its own", async () => {
    const { code, stdout, stderr } = await started("generate", "--ckpt", at("none.safetensors"), "--prompt", "x")
    expect([code, stdout]).toEqual([1, ""])
    expect(stderr).toMatch(/^lllite: [^\n]*none\.safetensors": there is no such file[^\n]*\n$/)
  })

  it("with a size that is not a multiple of 8", async () => {
    expect(await generate("--H", "100")).toMatch(/--H is 100, expected a multiple of 8\. The nearest is 104/)
  })

  it("with unknown options and commands", async () => {
    expect(await generate("--sede", "1")).toMatch(/there is no option --sede\. Did you mean --seed\?/)
    expect(await train("--network-dims", "4")).toMatch(
      /there is no option --network-dims\. Did you mean --network_dim\?/,
    )
    expect(await failure("trian")).toMatch(/"trian" is not a command\. Did you mean train\?/)
    await writeFile(at("a.toml"), "network_dims = 4")
    expect(await train("--config", at("a.toml"))).toMatch(
      /a\.toml", line 1: there is no option network_dims\. Did you mean network_dim\?/,
    )
  })

  it("with options of sd-scripts that are refused", async () => {
    expect(await train("--masked_loss")).toMatch(
      /--masked_loss needs --alpha_mask: a mask is the alpha of the pictures/,
    )
    expect(await train("--optimizer-type", "plain")).toMatch(/--optimizer-type is "plain", expected .*adamw/)
  })

  it("with values of the wrong kind", async () => {
    expect(await failure("demo", "--steps", "many", "--out", "OUT")).toMatch(
      /--steps is "many", expected a whole number from 1/,
    )
    expect(await train("--seed", "x")).toMatch(/seed is "x", expected a whole number/)
  })
})

describe("several things", () => {
  it("in one answer: command line, options of a file, data set, checkpoint and LLLite", async () => {
    const [config, set] = [at("all.toml"), at("set.toml")]
    await writeFile(config, "learning_rate = -1\nxformers = true\noutput_nam = 1\n")
    await writeFile(
      set,
      `[[datasets]]\nresolution = 100\n[[datasets.subsets]]\nimage_dir = "${at("images")}"\nnum_repeats = 0\n`,
    )
    const { code, stderr } = await lllite(
      ...["train", "--config", config, "--dataset_config", set, "--seed", "x", "--output_dir", at("out")],
      ...["--pretrained_model_name_or_path", at("lora.safetensors"), "--network_weights", at("none.safetensors")],
    )
    expect(code).toBe(1)
    const lines = stderr.trimEnd().split("\n")
    expect(lines).toEqual([
      "lllite: train: 8 problems:",
      expect.stringMatching(/^ {2}- --seed is "x"/),
      expect.stringMatching(/^ {2}- .*lora\.safetensors.*this is a LoRA/),
      expect.stringMatching(/^ {2}- .*none\.safetensors": there is no such file/),
      expect.stringMatching(/^ {2}- ".*all\.toml", line 1: learning_rate is -1, expected/),
      expect.stringMatching(/^ {2}- ".*all\.toml", line 3: there is no option output_nam\. Did you mean output_name/),
      expect.stringMatching(/^ {2}- .*set\.toml: datasets\[0\].subsets\[0\]: conditioning_data_dir is missing/),
      expect.stringMatching(/^ {2}- .*set\.toml: datasets\[0\], line 2: resolution is 100x100/),
      expect.stringMatching(/^ {2}- .*set\.toml: num_repeats is 0 for all folders/),
      "One note:",
      expect.stringMatching(/^ {2}- xformers has no effect/),
    ])
  })
})

describe("a command line that is right", () => {
  it("inspects a file, for people and for programs", async () => {
    const people = await started("inspect", at("good.safetensors"))
    expect(people.code).toBe(0)
    expect(people.stdout).toMatch(/kind +lllite: a ControlNet-LLLite for SDXL/)
    const { stdout } = await lllite("inspect", at("good.safetensors"), "--json")
    expect(JSON.parse(stdout)).toMatchObject({
      kind: "lllite",
      dtypes: { F16: expect.any(Number) },
      lllite: { sites: 20, condDim: 4, mlpDim: 8, selection: "default", isForSdxl: false, siteWidths: [16, 32] },
    })
  })

  it("names other kinds of files without refusing them", async () => {
    const { stdout } = await lllite("inspect", at("lora.safetensors"), "--json")
    expect(JSON.parse(stdout)).toMatchObject({ kind: "lora", tensors: 1, parameters: 2 })
  })

  const limits = needs("ulimit, which Windows does not have", process.platform !== "win32")
  it("says so when the system lets it open too few files", limits, async () => {
    const limited = ["-c", 'ulimit -n 40; exec "$0" "$@"', process.execPath, command, "inspect", at("good.safetensors")]
    const { code, stderr } = await new Promise<Omit<Outcome, "stdout">>((resolve) => {
      execFile("sh", limited, (error, _, stderr) => resolve({ code: error ? Number(error.code) : 0, stderr }))
    })
    // Node 20 opens all files of the program at once. Newer ones open fewer.
    if (code !== 0) expect(stderr).toMatch(/^lllite: .*[Tt]oo many files are open\. .*ulimit -n/m)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  it("shows its help and its version", async () => {
    expect((await lllite("--help")).stdout).toMatch(/demo[\s\S]+train[\s\S]+generate[\s\S]+inspect/)
    const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
      version: string
    }
    expect((await started("--version")).stdout.trim()).toBe(version)
  })
})
