import { createHash } from "node:crypto"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { JobWorker, Piece, PieceEnd, PieceOrder, PieceRunner, Pieces, PiecesEvent } from "@lllite/serve"
import { openPieces, ServeError, startWorker } from "@lllite/serve"
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { needsAll } from "../../format/test/needs.ts"
import { useRedis } from "./queues.ts"
import { emptyDatabase, startRedis, withRedis } from "./redis.ts"
import { S3_SECRET, startS3, withS3 } from "./stores.ts"
import { NO_MODELS } from "./test-server.ts"

/* Pieces of larger works, over a real Redis. The runner is the test's: it turns bytes round. */

/** Machines are slow at times. A hung test is stopped by the CI's own limit. */
const PATIENT = { timeout: 600_000 }

const { redis } = useRedis()

let store = ""
beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), "lllite-store-"))
  // What is begun first ends last, so that workers have ended.
  const own = store
  onTestFinished(() => rm(own, { recursive: true, force: true }))
})

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** A piece that turns a text round. */
function order(text: string): PieceOrder {
  const bytes = new TextEncoder().encode(text)
  const piece: Piece = { kind: "turned", input: { text }, contents: [sha256(bytes)], models: [] }
  return { piece, read: async () => bytes }
}

/** What the runners of a test have made, in order. */
function turning(made: string[], before: (text: string) => Promise<void> = async () => {}): PieceRunner {
  return {
    async make({ piece, inputs, folder }) {
      const bytes = await readFile(inputs.get(piece.contents[0] ?? "") ?? "")
      const text = bytes.toString()
      await before(text)
      made.push(text)
      const path = join(folder, "turned")
      await writeFile(path, bytes.reverse())
      return { paths: [path], facts: { length: text.length } }
    },
    dispose: async () => {},
  }
}

async function working(
  url: string,
  runner: PieceRunner,
  { place = store, version = "1", places = 1 } = {},
): Promise<JobWorker> {
  const worker = await startWorker({
    ...{ redis: { url }, library: NO_MODELS, name: "test", takes: [], places, stopSeconds: 0 },
    createRunner: () => {
      throw new Error("there are no jobs but pieces")
    },
    pieces: { store: { place }, version, createRunner: () => runner },
  })
  onTestFinished(() => worker.close())
  return worker
}

const opened = (url: string, place = store): Promise<Pieces> =>
  openPieces({ redis: { url }, store: { place }, version: "1" })

interface Made {
  readonly ends: readonly PieceEnd[]
  /** The texts that were made, in the order of the pieces. Null: it is parked. */
  readonly texts: readonly (string | null)[]
}

async function make(
  pieces: Pieces,
  texts: readonly string[],
  onEvent?: (event: PiecesEvent) => void,
  signal = new AbortController().signal,
): Promise<Made> {
  const ends: PieceEnd[] = []
  for await (const end of pieces.make(texts.map(order), signal, onEvent)) ends.push(end)
  ends.sort((a, b) => a.index - b.index)
  const found = await Promise.all(
    ends.map(async ({ result }) => {
      const [bytes] = result === null ? [] : ((await pieces.files(result)) ?? [])
      return bytes === undefined ? null : new TextDecoder().decode(bytes)
    }),
  )
  return { ends, texts: found }
}

const TEXTS = Array.from({ length: 20 }, (_, i) => `piece ${i}`)
const TURNED = TEXTS.map((text) => [...text].reverse().join(""))

describe("pieces", withRedis, () => {
  it("are made once each by two workers, and not again when they are asked for again", async () => {
    const [url, made] = [redis().url(), [] as string[]]
    await working(url, turning(made))
    await working(url, turning(made))
    const pieces = await opened(url)
    const first = await make(pieces, [...TEXTS, "piece 3"])
    expect(first.texts).toEqual([...TURNED, "3 eceip"])
    expect(first.ends[4]?.result?.facts).toEqual({ length: 7 })
    expect([...made].sort()).toEqual([...TEXTS].sort())
    const again = await make(pieces, TEXTS)
    expect(again.texts).toEqual(TURNED)
    expect(again.ends.every(({ wasThere }) => wasThere)).toBe(true)
    expect(made).toHaveLength(20)
  })

  it("are made once, though two programs ask for them at once", async () => {
    const [url, made] = [redis().url(), [] as string[]]
    const slow = turning(made, () => new Promise((resolve) => setTimeout(resolve, 20)))
    await working(url, slow)
    await working(url, slow)
    const both = await Promise.all([opened(url), opened(url)])
    const results = await Promise.all(both.map((pieces) => make(pieces, TEXTS)))
    for (const { texts } of results) expect(texts).toEqual(TURNED)
    expect(made).toHaveLength(20)
  })

  it("are parked with their error when they fail, do not stop others, and can be tried again or forgotten", async () => {
    const [url, made] = [redis().url(), [] as string[]]
    let isMended = false
    const runner = turning(made, async (text) => {
      if (!isMended && /piece (5|6)$/.test(text)) throw new ServeError("refused", `${text} is poison.`)
    })
    await working(url, runner)
    const pieces = await opened(url)
    const { texts, ends } = await make(pieces, TEXTS)
    expect(texts.filter((text) => text === null)).toHaveLength(2)
    expect(ends[5]).toMatchObject({ result: null, error: { code: "refused", message: "piece 5 is poison." } })
    const parked = await pieces.parked()
    onTestFinished(() => parked.close())
    const listed = await parked.list()
    expect(listed.map(({ error }) => error.message).sort()).toEqual(["piece 5 is poison.", "piece 6 is poison."])
    isMended = true
    const [retried, forgotten] = listed.map(({ key }) => key)
    await parked.retry(retried ?? "")
    await parked.forget(forgotten ?? "")
    await expect.poll(() => made.length, PATIENT).toBe(19)
    expect(await parked.list()).toEqual([])
    // The same work asked again takes what is there, and makes the rest.
    expect((await make(pieces, TEXTS)).texts).toEqual(TURNED)
    expect(made).toHaveLength(20)
  })

  it("are tried again when their process ends, and parked after five times", async () => {
    const [url, made] = [redis().url(), [] as string[]]
    const tries = new Map<string, number>()
    const runner = turning(made, async (text) => {
      const count = (tries.get(text) ?? 0) + 1
      tries.set(text, count)
      if (text === "deadly" || (text === "twice" && count < 3)) throw new ServeError("worker-lost", "it ended.")
    })
    await working(url, runner, { places: 3 })
    const { texts, ends } = await make(await opened(url), ["twice", "deadly", "good"])
    expect(texts).toEqual(["eciwt", null, "doog"])
    expect(ends[1]?.error).toMatchObject({ code: "worker-lost" })
    expect([...tries]).toEqual(
      expect.arrayContaining([
        ["twice", 3],
        ["deadly", 5],
        ["good", 1],
      ]),
    )
  })

  it("outlive Redis' memory and results that are lost or damaged", async () => {
    const [url, made] = [redis().url(), [] as string[]]
    const pieces = await opened(url)
    const events: PiecesEvent[] = []
    const both = make(pieces, TEXTS, (event) => events.push(event))
    await expect.poll(() => events, PATIENT).toEqual([{ kind: "no-worker" }])
    await emptyDatabase(url)
    await working(url, turning(made))
    expect((await both).texts).toEqual(TURNED)
    const files = async (): Promise<readonly string[]> =>
      (await readdir(join(store, "contents"), { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    const name = sha256(new TextEncoder().encode("7 eceip"))
    const [path = ""] = (await files()).filter((file) => file.endsWith(name))
    await writeFile(path, "damaged")
    expect((await make(pieces, TEXTS)).texts.filter((text) => text === null)).toHaveLength(1)
    // The damaged file is gone, so that its piece is made again.
    expect((await make(pieces, TEXTS)).texts).toEqual(TURNED)
    expect(made.filter((text) => text === "piece 7")).toHaveLength(2)
    expect(made).toHaveLength(21)
  })

  it("are taken back when the work is stopped, and a worker that stops gives its piece back", async () => {
    const [url, made] = [redis().url(), [] as string[]]
    const controller = new AbortController()
    const never: PieceRunner = {
      make: ({ signal }) => {
        controller.abort(new Error("stopped"))
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      },
      dispose: async () => {},
    }
    const worker = await working(url, never)
    const stopped = make(await opened(url), TEXTS, undefined, controller.signal)
    await expect(stopped).rejects.toThrow("stopped")
    await worker.close()
    const runner = turning(made)
    await working(url, runner)
    // The one that was begun goes on. All others were taken back.
    await expect.poll(() => made.length, PATIENT).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(made).toHaveLength(1)
  })

  it("are left to workers with the same store and the same version", async () => {
    const [url, made] = [redis().url(), [] as string[]]
    const other = await mkdtemp(join(tmpdir(), "lllite-store-"))
    onTestFinished(() => rm(other, { recursive: true }))
    await working(url, turning(made), { version: "2" })
    await working(url, turning(made), { place: other })
    const told = vi.fn()
    const work = make(await opened(url), ["one"], told)
    await expect.poll(() => told.mock.calls.length, PATIENT).toBe(1)
    expect(made).toEqual([])
    await working(url, turning(made))
    expect((await work).texts).toEqual(["eno"])
  })

  it("are waited for while Redis is killed", async () => {
    const own = await startRedis()
    onTestFinished(() => own.close())
    const [url, made] = [own.url(), [] as string[]]
    await working(
      url,
      turning(made, () => new Promise((resolve) => setTimeout(resolve, 50))),
    )
    const work = make(await opened(url), TEXTS)
    await expect.poll(() => made.length, PATIENT).toBeGreaterThan(2)
    await own.kill()
    await own.start()
    expect((await work).texts).toEqual(TURNED)
  })
})

describe("a store", () => {
  it("says why it cannot be used", async () => {
    await writeFile(join(store, "file"), "")
    await expect(opened("redis://x", join(store, "file", "below"))).rejects.toThrow(
      /the store ".*below" cannot be used/,
    )
    await writeFile(join(store, "store.json"), "{}")
    await expect(opened("redis://x")).rejects.toThrow(/store.json in the store .* was not written by lllite/)
  })
})

describe("a store of S3", needsAll(withRedis, withS3), () => {
  it("keeps pieces and results, is waited for while it is away, and says what it refuses", async () => {
    const s3 = await startS3()
    onTestFinished(() => s3.close())
    for (const [name, value] of Object.entries(s3.environment)) vi.stubEnv(name, value)
    onTestFinished(() => void vi.unstubAllEnvs())
    const [url, made, place] = [redis().url(), [] as string[], "s3://pairs/some/prefix"]
    let isAway: Promise<unknown> = Promise.resolve()
    const runner = turning(made, async (text) => {
      if (text !== "piece 9" || made.includes("piece 9")) return
      made.push(text)
      await s3.kill()
      isAway = new Promise((resolve) => setTimeout(resolve, 1000)).then(() => s3.start())
    })
    await working(url, runner, { place })
    const pieces = await opened(url, place)
    expect(pieces.store).toBe(`s3://pairs/some/prefix at ${s3.endpoint}`)
    const first = await make(pieces, TEXTS.slice(0, 9))
    expect(first.texts).toEqual(TURNED.slice(0, 9))
    // The server is killed when the piece is made and its result is not written. The worker waits until it is there again.
    const work = make(pieces, ["piece 9"])
    expect((await work).texts).toEqual(TURNED.slice(9, 10))
    await isAway
    expect(made.filter((text) => text === "piece 9").length).toBeGreaterThan(1)
    expect((await make(pieces, TEXTS.slice(0, 10))).ends.every(({ wasThere }) => wasThere)).toBe(true)
    await expect(opened(url, "s3://nothing")).rejects.toThrow("has no such bucket. Make it")
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wrong")
    const refused = opened(url, place).catch((error: Error) => error.message)
    expect(await refused).toMatch(/refuses the key of AWS_ACCESS_KEY_ID: SignatureDoesNotMatch/)
    expect(await refused).not.toContain(S3_SECRET)
    vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    await expect(opened(url, place)).rejects.toThrow(/cannot be reached: (connect ECONNREFUSED|bad port)/)
  })
})
