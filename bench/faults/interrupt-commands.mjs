// The commands that `interrupt.mjs` interrupts, and their inputs.
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, copyFile, cp, mkdir, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { createRecipe, writeWorkflow } from "../../packages/core/dist/recipe.js"
import { SDXL_LAYOUT, siteTensorShapes } from "../../packages/format/dist/index.js"
import { enumerateSites } from "../../packages/format/dist/selections.js"
import { serializeLllite } from "../../packages/format/dist/write.js"
import { blankImage, writePng } from "../../packages/runtime-node/dist/index.js"
import { startJob } from "./interrupt-servers.mjs"

const tiny = fileURLToPath(new URL("../../packages/tiny/model/lllite-canny.safetensors", import.meta.url))

/**
 * Commands by name.
 *
 * @param work the folder of each run
 * @param slow a server of files that is slow
 * @param jobsPlace starts Redis and a server once, and gives both
 */
export function commands({ work, slow, jobsPlace }) {
  const makeDownloads = () => fillDownloads(work)
  const generate = ["generate", "--ckpt", "tiny", "--prompt", "a red star", "--W", "64", "--H", "64", "--steps", "4"]
  const drawing = [...generate, "--images_per_prompt", "4", "--outdir", "out"]
  const steered = [...drawing, "--control_net_lllite_models", tiny, "--guide_image_path", "../control.png"]
  const pairs = ["--train_data_dir", "../pairs/images", "--conditioning_data_dir", "../pairs/controls"]
  const training = ["train", "--pretrained_model_name_or_path", "tiny", ...pairs, "--resolution", "64"]
  const saving = ["--max_train_steps", "8", "--save_every_n_steps", "2", "--output_dir", "out", "--output_name", "x"]
  const sizes = ["--network_dim", "8", "--cond_emb_dim", "8", "--train_batch_size", "2"]
  const train = [...training, ...sizes, ...saving]
  const lavapipe = join(homedir(), ".cache/lllite/lavapipe/lvp_icd.json")
  const on = (backend) => ["--backend", backend]
  const downloads = { XDG_CACHE_HOME: join(work, "cache") }
  const software = { VK_ICD_FILENAMES: lavapipe, LD_LIBRARY_PATH: join(homedir(), ".cache/lllite/lavapipe/lib") }
  return {
    "generate on wasm": { args: [...steered, ...on("wasm")] },
    "generate of a workflow": {
      args: ["generate", "--workflow", "../workflow.json", "--ckpt", "tiny", "--outdir", "out", ...on("wasm")],
    },
    "train on wasm": { args: [...train, ...on("wasm")] },
    ...(existsSync(join(homedir(), ".cache/lllite/tensorflow"))
      ? {
          "generate on tensorflow": { args: [...steered, ...on("tensorflow")] },
          "train on tensorflow": { args: [...train, ...on("tensorflow")] },
        }
      : {}),
    ...(existsSync(lavapipe)
      ? {
          "generate on webgpu": { args: [...steered, ...on("webgpu")], environment: software },
          "train on webgpu": { args: [...train, ...on("webgpu")], environment: software },
        }
      : {}),
    "train of ranks": { args: [...train, ...on("wasm"), "--ranks", "2"] },
    "train of shards": {
      args: [
        "train",
        "--pretrained_model_name_or_path",
        "tiny",
        "--dataset_config",
        "../shards.toml",
        ...sizes.slice(0, 4),
      ].concat([...saving, ...on("wasm")]),
    },
    "train that continues": {
      args: [...train, ...on("wasm"), "--save_state", "--resume", "latest"],
      // Each run begins where the one before was stopped. After the last step, it begins anew.
      keep: (files) => !files.some((path) => path.endsWith("x.safetensors")),
    },
    "rank without a leading process": {
      args: ["rank", "127.0.0.1:9", "--pretrained_model_name_or_path", "tiny", ...on("wasm")],
      environment: { LLLITE_RANKS_TOKEN: "0123456789abcdef0123456789abcdef" },
      lasts: 5,
    },
    "generate of an address": {
      args: [...generate, "--ckpt", `${slow.origin}/tiny.safetensors`, "--outdir", "out", ...on("wasm")],
      environment: downloads,
    },
    demo: { args: ["demo", "--steps", "10", "--out", "out"] },
    grid: { args: ["grid", ...generate.slice(1), "--x", "scale=1,3,7", "--y", "seed=1,2", "--outdir", "out"] },
    preprocess: { args: ["preprocess", "scribble_xdog", "../photos", "out"] },
    "dataset check": { args: ["dataset", "check", ...pairs, "--resolution", "64", "--sheet", "sheet.png"] },
    "dataset cache": {
      args: [
        ...["dataset", "cache", "--pretrained_model_name_or_path", "tiny", "--train_data_dir", "pairs/images"],
        ...["--conditioning_data_dir", "pairs/controls", "--resolution", "64", ...on("wasm")],
      ],
      // It writes beside the pictures.
      prepare: () => cp(join(work, "..", "pairs"), join(work, "pairs"), { recursive: true }),
    },
    "dataset make of pictures": {
      args: ["dataset", "make", "--from_pictures", "../photos", "--copy", "--prep", "canny", "--outdir", "out"],
    },
    "dataset make of prompts": {
      args: [
        "dataset",
        "make",
        ...generate.slice(1, 3),
        "--prompts",
        "../prompts.txt",
        "--W",
        "128",
        "--steps",
        "3",
      ].concat([...["--count", "6", "--prep", "canny", "--outdir", "out"]]),
    },
    "train --plan": { args: [...train, "--plan"] },
    inspect: { args: ["inspect", "--health", "../large.safetensors"] },
    // Both end with 1 by themselves: the file has no header, and the program in the place of Python fails.
    "inspect of an address": { args: ["inspect", `${slow.origin}/x.safetensors`], endCode: 1 },
    doctor: { args: ["doctor"] },
    hash: { args: ["hash", "../large.safetensors"] },
    diff: { args: ["diff", "--outputs", "../large.safetensors", "../large.safetensors"] },
    convert: { args: ["convert", "../large.safetensors", "--dtype", "f16", "--output", "out.safetensors"] },
    edit: { args: ["edit", "../large.safetensors", "--set", "a=b", "--output", "out.safetensors"] },
    merge: { args: ["merge", "../large.safetensors", "../large.safetensors", "--output", "out.safetensors"] },
    prune: { args: ["prune", "../large.safetensors", "--weakest", "3", "--output", "out.safetensors"] },
    resize: { args: ["resize", "../large.safetensors", "--network_dim", "8", "--output", "out.safetensors"] },
    cache: { args: ["cache"], environment: downloads, prepare: makeDownloads },
    "cache purge": { args: ["cache", "purge"], environment: downloads, prepare: makeDownloads },
    bench: { args: ["bench", "--tiny", "--backend", "wasm"] },
    // It ends at a signal alone, and then with 0. The moments lie in the first seconds: start, load and drawing.
    serve: { args: ["serve", "--port", "0", "--backend", "wasm"], lasts: 8, stopCode: 0, whenListening: startJobs },
    // As of serve. It gives jobs back that it has not ended in 10 seconds.
    work: {
      args: async () => ["work", "--redis", (await jobsPlace()).redis, ...on("wasm")],
      ...{ lasts: 8, stopCode: 0 },
      prepare: async () => (await jobsPlace()).startJobs(1),
      after: async () => (await jobsPlace()).lostJobs(),
    },
    setup: {
      args: ["setup", "tensorflow", "--python", "../python"],
      endCode: 1,
      environment: downloads,
    },
  }
}

/** Fills the cache of downloads in the folder of a run. */
async function fillDownloads(work) {
  for (let i = 0; i < 200; i++) {
    const version = join(work, "cache", "lllite", "downloads", `${i}`, "0")
    await mkdir(version, { recursive: true })
    await writeFile(join(version, "x.bin"), "x")
    const record = { address: `https://example.org/${i}`, size: 1, sha256: null, tag: null, downloaded: null }
    await writeFile(join(version, "x.bin.download.json"), JSON.stringify(record))
  }
}

/** Gives a server two jobs, which draw. Requests that a stop interrupts are none of ours. */
async function startJobs(url) {
  for (const seed of [1, 2]) await startJob(url, { seed, steps: 20, size: 128 }).catch(() => {})
}

/** Writes what the commands read. */
export async function makeInputs(folder, random) {
  const side = 64
  for (const name of ["images", "controls"]) {
    await mkdir(join(folder, "pairs", name), { recursive: true })
    for (let i = 0; i < 24; i++) {
      const colour = [10 * i, name === "images" ? 200 : 20, 90]
      await writePng(join(folder, "pairs", name, `${i}.png`), blankImage(side, side, colour))
    }
  }
  await makeShards(folder)
  await mkdir(join(folder, "photos"))
  for (let i = 0; i < 12; i++) {
    const data = Uint8ClampedArray.from({ length: 320 * 240 * 3 }, (_, at) => (at % (320 * 3)) / 8 + 60 * random())
    await writePng(join(folder, "photos", `${i}.png`), { width: 320, height: 240, data })
  }
  await writeFile(join(folder, "prompts.txt"), "a red star\na blue ring\n")
  const model = { checkpoint: { path: "tiny" } }
  const recipe = createRecipe({ prompt: "a red star", seed: 1, steps: 6, width: 64, height: 64, model })
  await writeFile(join(folder, "workflow.json"), JSON.stringify(writeWorkflow(recipe).ui))
  await writePng(join(folder, "control.png"), blankImage(128, 128, [255, 255, 255]))
  const sites = enumerateSites(SDXL_LAYOUT).map((site) => ({ ...site, condDim: 32, mlpDim: 64 }))
  const values = (site, name) => {
    const count = siteTensorShapes(site, site)
      .get(name)
      .reduce((product, size) => product * size, 1)
    return Float32Array.from({ length: count }, () => random() - 0.5)
  }
  await writeFile(join(folder, "large.safetensors"), await serializeLllite({ sites, values, dtype: "F32" }))
  // Stands for a Python whose pip takes long and writes files.
  const script = `#!/bin/sh
case "$*" in
  *version_info*) echo 3.11.7 ;;
  *--version*) echo pip 24 ;;
  *) while [ "$1" != --target ]; do shift; done
     mkdir -p "$2/tensorflow"
     for i in 1 2 3 4 5 6 7 8 9 10; do head -c 1000000 /dev/zero > "$2/tensorflow/$i"; sleep 0.1; done
     exit 1 ;;
esac
`
  await writeFile(join(folder, "python"), script)
  await chmod(join(folder, "python"), 0o755)
}

/** Two archives of twelve pairs, and the file of their data set. */
async function makeShards(folder) {
  for (const shard of [0, 1]) {
    const inside = join(folder, `shard-${shard}`)
    await mkdir(inside)
    for (let i = 0; i < 12; i++) {
      await copyFile(join(folder, "pairs", "images", `${i}.png`), join(inside, `${i}.png`))
      await copyFile(join(folder, "pairs", "controls", `${i}.png`), join(inside, `${i}.control.png`))
    }
    await promisify(execFile)("tar", ["--sort=name", "-cf", join(folder, `pairs-${shard}.tar`), "-C", inside, "."])
  }
  const subset = `[[datasets.subsets]]\nshards = "../pairs-{0..1}.tar"\n`
  await writeFile(join(folder, "shards.toml"), `[[datasets]]\nresolution = 64\nbatch_size = 2\n${subset}`)
}
