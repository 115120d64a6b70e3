// Calls every command with wrong values, names and files, and checks each answer. Needs a build.
//   node bench/faults/invocations.mjs [--jobs 2] [--show]
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const { values } = parseArgs({ options: { jobs: { type: "string", default: "2" }, show: { type: "boolean" } } })
const main = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url))
const folder = await mkdtemp(join(tmpdir(), "lllite-invocations-"))
try {
  for (const name of ["images", "controls"]) await mkdir(join(folder, name))
  await writeFile(join(folder, "text.txt"), "hello")
  await writeFile(join(folder, "empty"), "")
  await writeFile(join(folder, "latin1.toml"), Buffer.from('a = "é"', "latin1"))
  await writeFile(join(folder, "wide.toml"), Buffer.from("\ufeffno_such_option = 1", "utf16le"))
  const cases = [...numbers(), ...names(), ...files(), ...shapes()]
  const count = new Map()
  let next = 0
  const work = async () => {
    while (next < cases.length) {
      const [group, args] = cases[next++]
      const { code, stderr } = await run(args)
      const fault = faultOf(code, stderr)
      const row = count.get(group) ?? { refused: 0, faulty: 0 }
      row[fault === null ? "refused" : "faulty"] += 1
      count.set(group, row)
      if (fault !== null || values.show) console.log(`${fault ?? "ok"}: ${JSON.stringify(args)}\n  ${stderr.trim()}`)
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, work))
  for (const [group, { refused, faulty }] of count) console.log(`| ${group} | ${refused} | ${faulty} |`)
  if ([...count.values()].some(({ faulty }) => faulty > 0)) process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** Numbers that are none, or out of every range, for each option with a number. */
function numbers() {
  const wrong = ["NaN", "Infinity", "-Infinity", "1e999", "-1", "1e30", "0x10", "1_000", "abc", "", "1,5", "--5", "٣"]
  const training = "max_train_steps max_train_epochs seed network_dim cond_emb_dim train_batch_size learning_rate"
  const more = "save_every_n_steps min_timestep max_timestep huber_c min_snr_gamma vae_slices min_bucket_reso"
  const drawing = "W H steps scale seed images_per_prompt vae_slices control_net_multipliers control_net_ratios"
  const known = (option, value) => !(option === "control_net_multipliers" && value === "-1")
  return [
    ...`${training} ${more}`.split(" ").flatMap((name) => wrong.map((value) => train(`--${name}=${value}`))),
    ...drawing.split(" ").flatMap((name) => wrong.filter((v) => known(name, v)).map((v) => generate(`--${name}=${v}`))),
    ...["0", "-64", "64,", "64,64,64", "a,b", "64.5", "NaN", ","].map((value) => train(`--resolution=${value}`)),
    ...["-1", "101%", "1.5", "NaN", "%", "10%%", "1e99"].map((value) => train(`--lr_warmup_steps=${value}`)),
    ...["max_train_steps", "dataset_repeats", "network_dim"].map((name) => train(`--${name}=1000000000`)),
    ...["steps", "images_per_prompt", "W"].map((name) => generate(`--${name}=1000000000`)),
  ].map((args) => ["numbers", args])
}

/** Names that every object of JavaScript has, in the place of commands, options, values and files. */
function names() {
  const built = ["toString", "constructor", "__proto__", "hasOwnProperty", "valueOf", "prototype"]
  return built.flatMap((name) =>
    [
      [name],
      ["help", name],
      train(`--${name}`),
      generate(`--${name}=1`),
      ...["optimizer_type", "lr_scheduler", "loss_type", "save_precision"].map((option) =>
        train(`--${option}=${name}`),
      ),
      ...["sampler", "backend", "precision", "weights"].map((option) => generate(`--${option}=${name}`)),
      ["inspect", name],
      ["convert", "text.txt", "--dtype", name, "--output", "o"],
      ["edit", "text.txt", "--unset", name, "--output", "o"],
    ].map((args) => ["names", args]),
  )
}

/** Paths that are none, and files of other kinds, in the place of every file. */
function files() {
  const address = "http://ada:secret@127.0.0.1:1/x?token=abc123"
  const wrong = [
    "none.safetensors",
    "owner/name",
    "hf:owner/name",
    address,
    "images",
    "text.txt",
    "empty",
    ".",
    "\u0007",
  ]
  return [...wrong, "latin1.toml", "wide.toml", "x".repeat(5000)].flatMap((path) =>
    [
      generate("--ckpt", path),
      generate("--vae", path),
      generate("--control_net_lllite_models", path, "--guide_image_path", path),
      train("--unet", path),
      train("--network_weights", path),
      train("--dataset_config", path),
      train("--config", path),
      train("--train_data_dir", path),
    ].map((args) => ["files", args]),
  )
}

/** Command lines of a wrong shape. */
function shapes() {
  const commands = [
    "inspect",
    "convert",
    "edit",
    "merge",
    "resize",
    "prune",
    "diff",
    "hash",
    "train",
    "generate",
    "demo",
  ]
  return commands.flatMap((name) =>
    [
      ["--nope"],
      ["-x"],
      ["text.txt", "b", "c", "d", "e"],
      ["--force=maybe"],
      ["--output"],
      ["--json=7"],
      ...(name === "demo" ? [] : [[], [""], ["empty"], ["images"], ["none/none.safetensors"], ["https://"]]),
    ].map((args) => ["shapes", [name, ...args]]),
  )
}

function train(...more) {
  const pairs = ["--train_data_dir", "images", "--conditioning_data_dir", "controls", "--resolution", "64"]
  return ["train", "--pretrained_model_name_or_path", "tiny", ...pairs, "--output_dir", "out", ...more]
}

function generate(...more) {
  return ["generate", "--ckpt", "tiny", "--prompt", "x", "--outdir", "out", "--W", "64", "--steps", "1", ...more]
}

function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
    let stderr = ""
    child.stderr.on("data", (text) => {
      stderr += text
    })
    const timer = setTimeout(() => child.kill("SIGKILL"), 120_000)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ code, stderr })
    })
  })
}

/** What is wrong with an answer, or null. */
function faultOf(code, stderr) {
  if (code !== 1) return `exit code ${code}`
  if (!stderr.startsWith("lllite: ")) return "no answer"
  if (/unexpected error|\n\s+at .*:\d+|ERR_|\[object/.test(stderr)) return "an error inside of the program"
  if (/secret|abc123/.test(stderr)) return "a secret"
  return /\p{Cc}/u.test(stderr.replaceAll("\n", "")) ? "a control character" : null
}
