import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { findTensorflow } from "@lllite/runtime-node/machine"
import { describe, expect, it } from "vitest"
import { longOnly, needs, needsAll } from "../../../packages/format/test/needs.ts"
import { chooseDriver } from "../../../packages/webgpu/test/drivers.ts"
import type { RunPlan } from "../src/train/plan/plan-run.ts"
import { drawnPairs, type Ended, filesOf, loggedSteps, trainedRun } from "./trained-run.test-help.ts"

/* Runs of the built command that end and continue. `turbo run build` comes first. */
chooseDriver("lavapipe", "swiftshader")
const data = drawnPairs("lllite-resume-")
const trained = (out: string, more: readonly string[]): Promise<Ended> =>
  trainedRun(data(), out, ["--max_train_steps", "6", "--save_every_n_steps", "2", "--save_state", ...more])

/** Bytes of the lists in a state of what rounding has left out. */
async function feedbackBytes(path: string): Promise<number> {
  const bytes = await readFile(path)
  const header: Record<string, { readonly data_offsets: readonly [number, number] }> = JSON.parse(
    bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE())),
  )
  return Object.entries(header)
    .filter(([name]) => name.startsWith("feedback"))
    .reduce(
      (
        sum,
        [
          ,
          {
            data_offsets: [from, to],
          },
        ],
      ) => sum + to - from,
      0,
    )
}

const losses = ({ events }: Ended): readonly unknown[] =>
  events.filter(({ phase }) => phase === "train").map(({ done, loss }) => [done, loss])

describe("a run that continues", () => {
  // Noise, dropout and an optimiser with numbers of its own: all that could begin anew.
  const options = [
    "--optimizer_type",
    "prodigy",
    "--learning_rate",
    "1",
    "--network_dropout",
    "0.2",
    "--noise_offset",
    "0.1",
  ]

  it("ends with the bytes and the losses of a run that never stopped", async () => {
    const [whole, parts] = [join(data(), "whole"), join(data(), "parts")]
    const atOnce = await trained(whole, options)
    expect(atOnce).toMatchObject({ code: 0, stderr: "" })
    const first = await trained(parts, [...options, "--max_train_steps", "4"])
    expect(first).toMatchObject({ code: 0 })
    for (const name of ["last.safetensors", "last-state"]) await rm(join(parts, name), { recursive: true })
    // A file of a step whose state was saved before the process was killed.
    await rm(join(parts, "last-step00000002.safetensors"))
    const state = join(parts, "last-step00000002-state")
    await rm(join(parts, "last-step00000004-state"), { recursive: true, force: true })
    await rm(join(parts, "last-step00000004.safetensors"), { force: true })
    const second = await trained(parts, [...options, "--resume", state])
    expect(second).toMatchObject({ code: 0, stderr: "" })
    expect(losses(second)).toEqual(losses(atOnce).slice(2))
    expect(await filesOf(parts)).toEqual(await filesOf(whole))
    expect([...(await filesOf(whole)).keys()]).toEqual([
      "/last-state/lllite-state.safetensors",
      "/last-step00000002-state/lllite-state.safetensors",
      "/last-step00000002.safetensors",
      "/last-step00000004-state/lllite-state.safetensors",
      "/last-step00000004.safetensors",
      "/last.safetensors",
    ])
  }, 120_000)

  /** A run, and one that ends a step earlier and continues from its first state. Both are logged. */
  async function continuedAsWhole(backend: string, steps: number, more: readonly string[]): Promise<void> {
    const run = (name: string, last: number, others: readonly string[] = []): Promise<Ended> => {
      const logged = ["--backend", backend, "--logging_dir", join(data(), `${name}-${backend}-logs`)]
      return trained(join(data(), `${name}-${backend}`), [
        ...logged,
        ...more,
        "--max_train_steps",
        String(last),
        ...others,
      ])
    }
    const atOnce = await run("whole", steps)
    expect(atOnce).toMatchObject({ code: 0 })
    expect(await run("parts", steps - 1)).toMatchObject({ code: 0 })
    const [name = ""] = (await readdir(join(data(), `parts-${backend}`)))
      .filter((each) => /\d-state$/.test(each))
      .sort()
    const second = await run("parts", steps, ["--resume", join(data(), `parts-${backend}`, name), "--force"])
    expect(second).toMatchObject({ code: 0 })
    expect(losses(second)).toEqual(losses(atOnce).slice(Number(/\d+/.exec(name))))
    const [wholeLog, partsLog] = ["whole", "parts"].map((each) => loggedSteps(join(data(), `${each}-${backend}-logs`)))
    expect(await partsLog).toEqual(await wholeLog)
    const [whole, parts] = ["whole", "parts"].map((each) => filesOf(join(data(), `${each}-${backend}`)))
    expect(await parts).toEqual(await whole)
  }

  const isSlow = { ...longOnly, timeout: 600_000 }
  it("does so with gradients in float16, and its plan has the size of what they leave out", isSlow, async () => {
    const shape = ["--train_batch_size", "1", "--gradient_accumulation_steps", "2"]
    await continuedAsWhole("wasm", 4, [...shape, "--part_precision", "float16"])
    const planned = async (precision: string): Promise<RunPlan> => {
      const length = ["--plan", "--max_train_steps", "4"]
      const { events } = await trained(join(data(), "planned"), [...shape, ...length, "--part_precision", precision])
      return events.find(({ event }) => event === "plan") as unknown as RunPlan
    }
    const [plain, rounded] = [await planned("float32"), await planned("float16")]
    const states = ["last-step00000002-state", "last-state"].map((name) => join(data(), "whole-wasm", name))
    const sizes = await Promise.all(states.map((state) => feedbackBytes(join(state, "lllite-state.safetensors"))))
    // Two batches of a step, of one part each.
    expect(sizes).toEqual(Array(2).fill(2 * 4 * rounded.values))
    expect(rounded.disk.bytes - plain.disk.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0))
    const bytesOf = ({ memory }: RunPlan, phase: string): number =>
      memory.find((each) => each.phase === phase)?.bytes ?? Number.NaN
    // All phases begin with what the process had, which differs from one process to the next.
    const step = (plan: RunPlan): number => bytesOf(plan, "training step") - bytesOf(plan, "text")
    // A save has the state twice, and the next steps need what is left out.
    expect(step(rounded) - step(plain)).toBe(3 * (sizes[0] ?? 0))
  })

  it(
    "does so on TensorFlow, where parts of the network are graphs",
    {
      ...needs("TensorFlow. Type: lllite setup tensorflow", findTensorflow().found !== null),
      timeout: 1_800_000,
    },
    () => continuedAsWhole("tensorflow", 6, []),
  )

  it(
    "does so on WebGPU, where the optimiser computes on the device",
    {
      ...needsAll(
        longOnly,
        needs("a Vulkan driver. scripts/lavapipe.sh installs one", process.env.VK_ICD_FILENAMES !== undefined),
      ),
      timeout: 1_800_000,
    },
    () => continuedAsWhole("webgpu", 3, ["--resolution", "32", "--train_batch_size", "1", "--save_every_n_steps", "1"]),
  )

  it("says in what it differs, and refuses what is not a state", async () => {
    const state = join(data(), "whole", "last-step00000004-state")
    const other = await trained(join(data(), "other"), [...options, "--seed", "7", "--resume", state])
    expect(other.code).toBe(0)
    expect(other.events.map(({ text }) => text).join("\n")).toContain(
      "The run before had another seed: 0. It goes on with 7",
    )
    const python = join(data(), "python-state")
    await mkdir(python)
    await writeFile(join(python, "random_states_0.pkl"), "")
    for (const [path, message] of [
      [join(data(), "images"), "has no lllite-state.safetensors. Expected a folder whose name ends in -state"],
      [python, "is a state of sd-scripts, which holds pickles of PyTorch"],
      [join(data(), "whole", "last.safetensors"), "is not the state of a training"],
      [join(data(), "none"), "there is no"],
    ] as const) {
      const refused = await trained(join(data(), "refused"), ["--resume", path])
      expect(refused.code).not.toBe(0)
      expect(refused.stderr).toContain(message)
    }
    const lion = await trained(join(data(), "refused"), ["--optimizer_type", "lion", "--resume", state])
    expect(lion.stderr).toMatch(
      /the optimizer is lion, and the state of ".*" is of (\w+)\. Give --optimizer_type \1, or/,
    )
    expect(lion.events.filter(({ event }) => event === "load")).toEqual([])
    const shorter = await trained(join(data(), "refused"), [...options, "--max_train_steps", "3", "--resume", state])
    expect(shorter.stderr).toContain("is after step 4, and the run has 3")
  }, 120_000)

  it("keeps the files of the last steps, if asked", async () => {
    const out = join(data(), "kept")
    expect(await trained(out, ["--save_every_n_steps", "1", "--save_last_n_steps", "2", "--no_report"])).toMatchObject({
      code: 0,
    })
    expect((await readdir(out)).sort()).toEqual([
      ...["last-state", "last-step00000003-state", "last-step00000003.safetensors"],
      ...["last-step00000004-state", "last-step00000004.safetensors"],
      ...["last-step00000005-state", "last-step00000005.safetensors", "last.safetensors"],
    ])
  }, 60_000)
})
