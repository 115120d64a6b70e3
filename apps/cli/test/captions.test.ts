import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { drawnPairs, type Ended, filesOf, trainedRun } from "./trained-run.test-help.ts"

/* Runs of the built command whose captions change from step to step. `turbo run build` comes first. */
const data = drawnPairs("lllite-captions-")

const CAPTIONS = ["red, star, {big|small}, sky", "blue, ring, night ||| moon", "green, (tree:1.4), hill\nsecond, line"]

beforeAll(async () => {
  for (const [i, caption] of CAPTIONS.entries()) {
    await writeFile(join(data(), "images", `${i + 1}.caption`), caption)
  }
})

const trained = (name: string, more: readonly string[]): Promise<Ended> =>
  trainedRun(data(), join(data(), name), ["--max_train_steps", "4", "--learning_rate", "1e-3", ...more])

const losses = ({ events }: Ended): readonly unknown[] =>
  events.filter(({ phase }) => phase === "train").map(({ done, loss }) => [done, loss])

const CHANGING = [
  ...["--shuffle_caption", "--keep_tokens", "1", "--keep_tokens_separator", "|||", "--enable_wildcard"],
  ...["--caption_dropout_rate", "0.3", "--caption_tag_dropout_rate", "0.2", "--caption_prefix", "drawing,"],
  ...["--token_warmup_min", "1", "--token_warmup_step", "0.75", "--max_token_length", "150", "--weighted_captions"],
]

describe("a run with captions that change", () => {
  it("ends with the same bytes when it is repeated, and when it continues", async () => {
    const saved = ["--save_every_n_steps", "2", "--save_state", "--gradient_accumulation_steps", "2"]
    const whole = await trained("whole", [...CHANGING, ...saved])
    expect(whole).toMatchObject({ code: 0, stderr: "" })
    expect(whole.events.filter(({ event }) => event === "captions")).toEqual([
      {
        event: "captions",
        pictures: 3,
        caption: CAPTIONS[0],
        texts: [expect.any(String), expect.any(String), expect.any(String)],
      },
    ])
    const state = join(data(), "whole", "last-step00000002-state")
    const second = await trained("parts", [...CHANGING, ...saved, "--resume", state])
    expect(second).toMatchObject({ code: 0, stderr: "" })
    expect(losses(second)).toEqual(losses(whole).slice(2))
    expect(second.events.map(({ text }) => text).join()).not.toContain("The run before")
    const [ends, wanted] = await Promise.all(["parts", "whole"].map((name) => filesOf(join(data(), name))))
    expect(ends?.get("/last.safetensors")).toBe(wanted?.get("/last.safetensors"))
    expect(ends?.get("/last.safetensors")).toBeDefined()
  }, 120_000)

  it("differs from one whose captions stay, and names rules that are others", async () => {
    const plain = await trained("plain", [])
    const shuffled = await trained("shuffled", ["--shuffle_caption", "--keep_tokens", "1"])
    expect(plain).toMatchObject({ code: 0, stderr: "" })
    expect(losses(shuffled)).not.toEqual(losses(plain))
    const state = join(data(), "whole", "last-step00000002-state")
    const other = await trained("other", ["--shuffle_caption", "--resume", state])
    const text = other.events.map((event) => event.text).join("\n")
    expect(text).toContain("The run before had another choice of options for captions")
    expect(text).toContain("The run before had another weighted_captions: true")
  }, 120_000)

  it("reads empty captions with a dropout of 1", async () => {
    const dropped = await trained("dropped", ["--caption_dropout_rate", "1"])
    const none = await trained("none", ["--caption_extension", ".missing"])
    expect(losses(dropped)).toEqual(losses(none))
  }, 120_000)

  it("is refused with one text of each caption, by the names of both", async () => {
    const { code, stderr } = await trained("refused", [
      ...["--shuffle_caption", "--caption_dropout_rate", "0.1", "--cache_text_encoder_outputs"],
    ])
    expect(code).not.toBe(0)
    expect(stderr).toContain("cache_text_encoder_outputs keeps one text of each caption")
    expect(stderr).toContain("shuffle_caption, caption_dropout_rate")
    expect(await trained("taken", ["--cache_text_encoder_outputs"])).toMatchObject({ code: 0, stderr: "" })
  }, 120_000)
})
