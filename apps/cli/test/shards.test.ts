import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { blankImage, encodePng } from "@lllite/runtime-node"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { longOnly } from "../../../packages/format/test/needs.ts"
import { askPython, describeWithPython } from "../../../packages/format/test/python.ts"
import { tarOf } from "../../../packages/runtime-node/test/write-tar.ts"
import { type Ended, filesOf, trainedRun } from "./trained-run.test-help.ts"

/* The built command trains from archives. `turbo run build` comes first. */

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lllite-shards-"))
})
afterAll(() => rm(folder, { recursive: true }))

const picture = (i: number): Uint8Array => encodePng(blankImage(64, 64, [(37 * i) % 256, (91 * i) % 256, 90]))

/** Writes a file of the data set, with archives of these names. */
async function dataset(name: string, shards: string): Promise<string> {
  const path = join(folder, `${name}.toml`)
  const subset = `[[datasets.subsets]]\nshards = ${JSON.stringify(join(folder, shards))}\nshard_buffer = 5\n`
  await writeFile(path, `[[datasets]]\nresolution = 64\nbatch_size = 2\n${subset}`)
  return path
}

/** @param config the file of the data set */
function trained(config: string, name: string, more: readonly string[]): Promise<Ended> {
  const options = ["--no_report", "--save_state", "--save_every_n_steps", "3", "--dataset_config", config]
  return trainedRun(null, join(folder, name), [...options, ...more])
}

describe("a training from shards", () => {
  it("continues with the bytes and losses of a run that never stopped, in the second epoch, too", async () => {
    for (const shard of [0, 1, 2]) {
      const files = Array.from({ length: 4 }, (_, i) => {
        const key = String(4 * shard + i).padStart(6, "0")
        const i0 = 4 * shard + i
        return { [`${key}.png`]: picture(i0), [`${key}.control.png`]: picture(i0 + 100), [`${key}.txt`]: `pair ${i0}` }
      })
      await writeFile(join(folder, `own-${shard}.tar`), tarOf(Object.assign({}, ...files)))
    }
    const config = await dataset("own", "own-{0..2}.tar")
    const whole = await trained(config, "whole", ["--max_train_steps", "9"])
    expect(whole).toMatchObject({ code: 0, stderr: "" })
    // Captions are found, too.
    expect(whole.events.filter(({ event }) => event === "notice")).toEqual([])
    const first = await trained(config, "parts", ["--max_train_steps", "7"])
    expect(first).toMatchObject({ code: 0, stderr: "" })
    for (const file of ["last.safetensors", "last-state"]) await rm(join(folder, "parts", file), { recursive: true })
    const second = await trained(config, "parts", ["--max_train_steps", "9", "--resume", "latest"])
    expect(second).toMatchObject({ code: 0, stderr: "" })
    expect(second.events).toContainEqual(expect.objectContaining({ event: "resume", step: 6 }))
    expect(await filesOf(join(folder, "parts"))).toEqual(await filesOf(join(folder, "whole")))
  })
})

/** Writes archives as the users of webdataset do. Its writer begins a new one after 5 samples. */
const WRITE = `
import io, json, sys
import webdataset as wds
from PIL import Image
def png(i):
    out = io.BytesIO()
    Image.new("RGB", (64, 64), ((37 * i) % 256, (91 * i) % 256, 90)).save(out, "PNG")
    return out.getvalue()
with wds.ShardWriter(sys.argv[1] + "/real-%03d.tar", maxcount=5, verbose=0) as sink:
    for i in range(12):
        key = "folder/" + "n" * 120 + str(i) if i == 7 else f"{i:06d}"
        sink.write({"__key__": key, "png": png(i), "control.png": png(i + 100), "txt": f"pair {i}", "json": {"i": i}})
read = [sample["__key__"] for sample in wds.WebDataset(sys.argv[1] + "/real-{000..002}.tar", shardshuffle=False)]
print(json.dumps(read))
`

describe("shards of the real webdataset", longOnly, () => {
  describeWithPython("webdataset of PyPI, with Pillow", ["webdataset", "PIL"], () => {
    it("train as archives of our own with the same pairs", async () => {
      expect(await askPython<string[]>(WRITE, [folder])).toHaveLength(12)
      const run = await trained(await dataset("real", "real-*.tar"), "real", ["--max_train_steps", "6"])
      expect(run).toMatchObject({ code: 0, stderr: "" })
      const shards = [0, 5, 10].map((from) =>
        Array.from({ length: Math.min(5, 12 - from) }, (_, i) => {
          const [key, at] = [String(from + i).padStart(6, "0"), from + i]
          return {
            [`${key}.png`]: picture(at),
            [`${key}.control.png`]: picture(at + 100),
            [`${key}.txt`]: `pair ${at}`,
          }
        }),
      )
      for (const [i, files] of shards.entries()) {
        await writeFile(join(folder, `same-${i}.tar`), tarOf(Object.assign({}, ...files)))
      }
      const same = await trained(await dataset("same", "same-*.tar"), "same", ["--max_train_steps", "6"])
      expect(same).toMatchObject({ code: 0, stderr: "" })
      const losses = ({ events }: Ended): readonly unknown[] =>
        events.filter(({ phase }) => phase === "train").map(({ loss }) => loss)
      expect(losses(run)).toEqual(losses(same))
      expect(losses(run)).toHaveLength(6)
    })
  })
})
