import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import { cpus, hostname } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { longOnly, needs, needsAll } from "../../../../packages/format/test/needs.ts"
import { drawnPairs } from "../trained-run.test-help.ts"
import {
  aloneBytes,
  computedParts,
  DEPLOY,
  findTool,
  freePort,
  llliteBytes,
  runFile,
  start,
  until,
  withLllite,
} from "./launched-run.test-help.ts"

/* A real Slurm of one node: munged, slurmctld and slurmd, with a key and folders of their own. */

const TOOLS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol"]
const isThere = process.getuid?.() === 0 && TOOLS.every((name) => findTool(name) !== null)
const slurm = needsAll(longOnly, needs("slurm-wlm and munge of Debian, and root to start them", isThere))

describe("Slurm", slurm, () => {
  const data = drawnPairs("lllite-slurm-")
  let env: NodeJS.ProcessEnv = {}
  const call = (name: string, args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(findTool(name) ?? name, args, { env, encoding: "utf8" })
    expect(status, `${name}: ${stderr}${stdout}`).toBe(0)
    return stdout
  }

  beforeAll(async () => {
    const folder = join(data(), "slurm")
    const at = (name: string): string => join(folder, name)
    for (const name of ["", "state", "spool"]) await mkdir(at(name))
    await writeFile(at("munge.key"), randomBytes(128))
    await chmod(at("munge.key"), 0o400)
    await writeFile(
      at("slurm.conf"),
      `ClusterName=test
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmUser=root
SlurmctldPort=${await freePort()}
SlurmdPort=${await freePort()}
AuthType=auth/munge
AuthInfo=socket=${at("munge.sock")}
CredType=cred/munge
StateSaveLocation=${at("state")}
SlurmdSpoolDir=${at("spool")}
SlurmctldPidFile=${at("slurmctld.pid")}
SlurmdPidFile=${at("slurmd.pid")}
SlurmctldLogFile=${at("slurmctld.log")}
SlurmdLogFile=${at("slurmd.log")}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=${cpus().length} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`,
    )
    env = { ...(await withLllite(data())), SLURM_CONF: at("slurm.conf") }
    const files = ["key", "sock", "pid", "log", "seed"].map((each) => at(`munge.${each}`))
    const names = ["key-file", "socket", "pid-file", "log-file", "seed-file"]
    call("munged", ["--force", ...names.map((name, i) => `--${name}=${files[i]}`)])
    call("slurmctld", [])
    call("slurmd", [])
    await until(() => call("sinfo", ["--noheader", "--format=%T"]).includes("idle"))
  })

  afterAll(async () => {
    for (const name of ["slurmd", "slurmctld", "munge"]) {
      const pid = Number(await readFile(join(data(), "slurm", `${name}.pid`), "utf8").catch(() => ""))
      if (!(pid > 1)) continue
      process.kill(pid, "SIGTERM")
      await until(() => spawnSync("kill", ["-0", String(pid)]).status !== 0)
    }
  })

  /** Submits the script with two tasks on the one node. */
  const submit = async (out: string, config: string): Promise<{ readonly id: string; text(): Promise<string> }> => {
    const log = join(data(), `${out}.log`)
    const shape = ["--nodes=1", "--ntasks-per-node=2", "--overcommit", `--output=${log}`, `--chdir=${data()}`]
    const id = call("sbatch", ["--parsable", ...shape, join(DEPLOY, "slurm/train.sbatch"), config]).trim()
    return { id, text: () => readFile(log, "utf8").catch(() => "") }
  }
  const stateOf = (id: string): string => /JobState=(\w+)/.exec(call("scontrol", ["show", "job", id]))?.[1] ?? ""
  const ended = (id: string): Promise<void> => until(() => !["PENDING", "RUNNING", "COMPLETING"].includes(stateOf(id)))

  it("runs two tasks whose LLLite has the bytes of one process", { timeout: 600_000 }, async () => {
    const out = join(data(), "tasks")
    const { id, text } = await submit("tasks", await runFile(data(), out))
    await ended(id)
    expect(stateOf(id), await text()).toBe("COMPLETED")
    expect(computedParts(await text())).toEqual([expect.toSatisfy((parts: number) => parts > 0)])
    expect((await llliteBytes(out)).equals(await aloneBytes(data(), env))).toBe(true)
  })

  it("saves the state at the signal before the end, and continues when submitted again", {
    timeout: 600_000,
  }, async () => {
    const out = join(data(), "again")
    const config = await runFile(data(), out, { max_train_steps: 100_000, save_every_n_steps: 100_000 })
    const first = await submit("again", config)
    await until(async () => {
      expect(["PENDING", "RUNNING"], await first.text()).toContain(stateOf(first.id))
      return (await first.text()).includes('"phase":"train","done":3')
    })
    call("scancel", ["--signal=TERM", first.id])
    await ended(first.id)
    expect(stateOf(first.id)).toBe("FAILED")
    const [, made] = /stopped after (\d+) of 100000 steps/.exec(await first.text()) ?? []
    expect(Number(made)).toBeGreaterThanOrEqual(3)
    const steps = Number(made) + 2
    const second = await submit("again", await runFile(data(), out, { max_train_steps: steps }))
    await ended(second.id)
    expect(stateOf(second.id), await second.text()).toBe("COMPLETED")
    expect(await second.text()).toContain(
      `"event":"resume","path":"${out}/last-step${String(made).padStart(8, "0")}-state"`,
    )
    const whole = join(data(), "whole")
    const run = start(
      "lllite",
      ["train", "--config_file", await runFile(data(), whole, { max_train_steps: steps })],
      env,
    )
    expect(await run.ended).toBe(0)
    expect((await llliteBytes(out)).equals(await llliteBytes(whole))).toBe(true)
  })
})
