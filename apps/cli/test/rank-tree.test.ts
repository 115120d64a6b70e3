import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { longOnly } from "../../../packages/format/test/needs.ts"
import { freeAddress, type Rank, rankAt, TOKEN, withToken } from "./ranks.test-help.ts"
import { drawnPairs, type Ended, filesOf, trainedRun } from "./trained-run.test-help.ts"

/*
 * A tree of processes of the built commands `train` and `rank`. `turbo run build` comes first. Ten processes are the least
 * that make a tree with a rank in its branch, and they take minutes on few cores.
 */

/** Pictures of a batch. Nine parts are two groups, and the second one is for the branch. */
const PICTURES = 9
const RANKS = 9
const STEPS = 6
const data = drawnPairs("lllite-rank-tree-", PICTURES)

const trained = (name: string, more: readonly string[], onEvent?: (event: Ended["events"][number]) => void) => {
  const shape = ["--train_batch_size", String(PICTURES), "--batch_parts", String(PICTURES), "--no_report"]
  const length = ["--max_train_steps", String(STEPS), "--save_state"]
  const out = join(data(), name)
  return withToken(() => trainedRun(data(), out, [...shape, ...length, ...more], undefined, onEvent))
}

/** The files of a run of one process. */
let whole: Promise<ReadonlyMap<string, string>> | null = null
const alone = (): Promise<ReadonlyMap<string, string>> => {
  whole ??= trained("alone", []).then((run) => {
    expect(run).toMatchObject({ code: 0, stderr: "" })
    return filesOf(join(data(), "alone"))
  })
  return whole
}

/** Trains in a tree, and kills the rank that leads its branch at some moment after the second step. */
async function killedLeader(
  name: string,
  more: readonly string[],
): Promise<{ readonly run: Ended; readonly leader: Rank; readonly ranks: readonly Rank[] }> {
  const address = await freeAddress()
  const ranks = Array.from({ length: RANKS }, (_, i) => rankAt(address, TOKEN, ["--name", `rank ${i + 1}`]))
  const leads = ({ events }: Rank): boolean => events.some(({ event }) => event === "leads")
  const kill = (): void => {
    for (const rank of ranks.filter(leads)) rank.child.kill("SIGKILL")
  }
  const place = ["--rank_address", address, "--ranks", String(RANKS + 1), "--rank_wait", "1200"]
  const run = await trained(name, [...place, ...more], ({ phase, done }) => {
    if (phase === "train" && done === 2) setTimeout(kill, Math.random() * 200)
  })
  const leaders = ranks.filter(leads)
  // Another one may lead the ranks that the first one has left.
  const leader = leaders.find(({ child }) => child.signalCode === "SIGKILL")
  if (leader === undefined) throw new Error(`of ${leaders.length} ranks that lead a branch, none was killed`)
  return { run, leader, ranks: ranks.filter((rank) => rank !== leader) }
}

describe("a tree of processes whose inner node is killed", () => {
  const timeout = 1_800_000

  it("goes on with the others, and ends with the bytes of one process", { ...longOnly, timeout }, async () => {
    const files = await alone()
    const { run, ranks } = await killedLeader("tree", [])
    expect(run).toMatchObject({ code: 0, stderr: "" })
    const names = run.events.map(({ event }) => event)
    expect(names.indexOf("rank-leads")).toBeLessThan(names.indexOf("rank-lost"))
    expect(await Promise.all(ranks.map(({ ended }) => ended))).toEqual(Array(RANKS - 1).fill(0))
    const rejoined = ranks.filter(({ events }) => events.filter(({ event }) => event === "joined").length > 1)
    expect(rejoined).toHaveLength(1)
    expect(await filesOf(join(data(), "tree"))).toEqual(files)
  })

  it("ends with a state that continues to the same bytes, if asked", { ...longOnly, timeout }, async () => {
    const { run, ranks } = await killedLeader("stopped", ["--rank_lost", "stop"])
    expect(run.stderr).toMatch(/step \d could not be computed: ranks: rank \d .* was lost.*Its LLLite is saved/)
    expect(run.code).toBe(75)
    for (const { child } of ranks) child.kill("SIGKILL")
    expect(await trained("stopped", ["--resume", "latest"])).toMatchObject({ code: 0, stderr: "" })
    const stopped = await filesOf(join(data(), "stopped"))
    for (const name of ["/last.safetensors", "/last-state/lllite-state.safetensors"]) {
      expect(stopped.get(name)).toBe((await alone()).get(name))
    }
  })
})
