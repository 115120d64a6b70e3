// A test runner of StrykerJS. Its own runner for Vitest starts a worker for each mutant, which takes seconds. This one
// keeps a worker with all tests of a part (serving-runner.mjs), and asks it to run some of them.
import { syncBuiltinESMExports } from "node:module"
import threads, { BroadcastChannel } from "node:worker_threads"
import { createVitest } from "vitest/node"
import { isInSample } from "./sample.mjs"

/**
 * Seconds of computing after which a mutant is taken for endless, beside ten times those of its tests. Seconds of a clock
 * would find mutants that a busy machine slows down.
 */
const MOST_SECONDS = 5

/** A loop without an end makes more than so many times the turns of the run without mutants. */
const MOST_TURNS = 20

/** The threads that Vitest has started, which it cannot end while they compute. */
const started = new Set()
threads.Worker = class extends threads.Worker {
  constructor(...given) {
    super(...given)
    started.add(this)
    this.once("exit", () => started.delete(this))
  }
}
syncBuiltinESMExports()

export class OneWorkerTestRunner {
  static inject = ["options"]
  #options
  #vitest
  #channel
  #run
  #asked = 0
  /** Turns of each mutant in each test, and the seconds of computing of each test. */
  #turns = {}
  #seconds = new Map()
  #waiting = new Map()

  constructor(options) {
    this.#options = options
  }

  /** A mutant acts only while a test runs, so code that also runs while a file is loaded needs no new process. */
  capabilities() {
    return { reloadEnvironment: true }
  }

  async init() {
    process.env.NODE_ENV = "test"
    process.env.VITEST = "1"
    this.#vitest = await createVitest("test", {
      config: "scripts/mutation/vitest.config.ts",
      include: this.#options.testFiles,
      pool: "threads",
      maxWorkers: 1,
      watch: false,
      coverage: { enabled: false },
      includeTaskLocation: true,
      onConsoleLog: () => false,
    })
    await this.#load()
  }

  /** Starts a worker, and waits until it has all tests. */
  async #load() {
    const specifications = await this.#vitest.globTestSpecifications()
    const name = `mutation-${process.pid}-${this.#asked}`
    this.#channel = new BroadcastChannel(name)
    this.#channel.onmessage = ({ data }) => this.#waiting.get(data.answers)?.(data.value)
    this.#vitest.provide("files", specifications.length)
    this.#vitest.provide("channel", name)
    const loaded = new Promise((resolve) => this.#waiting.set(0, resolve))
    this.#vitest.state.filesMap.clear()
    this.#run = this.#vitest.start()
    const ended = this.#run.then(() => {
      throw new Error("Vitest ended before its tests were loaded")
    })
    ended.catch(() => {})
    const failures = await Promise.race([loaded, ended])
    if (failures.length > 0) throw new Error(`Tests do not load: ${failures.join("; ")}`)
  }

  async dryRun() {
    const { results, mutantCoverage } = await this.#ask("cover")
    this.#turns = mutantCoverage.perTest
    this.#seconds = new Map(results.map(({ id, seconds }) => [id, seconds]))
    const tests = results.map(({ milliseconds, seconds: _, failure, ...test }) => ({
      ...test,
      timeSpentMs: milliseconds,
      ...(failure === undefined ? { status: "success" } : { status: "failed", failureMessage: failure }),
    }))
    return { status: "complete", tests, mutantCoverage }
  }

  async mutantRun({ activeMutant, testFilter: ids = [] }) {
    // A mutant with an error is not counted.
    if (!isInSample(counted(activeMutant), this.#options.sample)) {
      return { status: "error", errorMessage: "not in the sample" }
    }
    const limits = ids.map((id) => MOST_TURNS * (this.#turns[id]?.[activeMutant.id] ?? 0) + 1000)
    const seconds = MOST_SECONDS + 10 * ids.reduce((sum, id) => sum + (this.#seconds.get(id) ?? 0), 0)
    const about = { mutant: activeMutant.id, ids, limits }
    let answer = await this.#askWithin(seconds, about)
    if (answer?.spoilt) {
      // An earlier mutant may have done it. In a new worker it can only be this one.
      await this.#restart()
      answer = await this.#askWithin(seconds, about)
    }
    if (answer === null || answer.spoilt) await this.#restart()
    if (answer === null) return { status: "timeout", reason: `more than ${seconds} s` }
    if (answer.error) return { status: "error", errorMessage: answer.error }
    const { killedBy, failure, endless, nrOfTests } = answer
    if (endless) return { status: "timeout", reason: "too many turns of a loop" }
    if (killedBy === undefined) return { status: "survived", nrOfTests }
    return { status: "killed", killedBy: [killedBy], failureMessage: failure, nrOfTests }
  }

  /** Asks for a mutant's result. Null: the worker computes for too long. */
  async #askWithin(seconds, about) {
    const { user, system } = process.cpuUsage()
    const limit = user + system + 1e6 * seconds
    let watch
    const tooLong = new Promise((resolve) => {
      watch = setInterval(() => {
        const now = process.cpuUsage()
        if (now.user + now.system > limit) resolve(null)
      }, 500)
    })
    return Promise.race([this.#ask("mutate", about), tooLong]).finally(() => clearInterval(watch))
  }

  async dispose() {
    await this.#end()
    await this.#vitest?.close()
  }

  async #end() {
    this.#channel?.postMessage({ asks: "end" })
    this.#channel?.close()
    // Vitest waits for the end of its worker, which may compute without an end.
    await Promise.all([...started].map((thread) => thread.terminate()))
    await this.#run?.catch(() => {})
  }

  #ask(asks, about = {}) {
    const id = ++this.#asked
    return new Promise((resolve) => {
      this.#waiting.set(id, (value) => {
        this.#waiting.delete(id)
        resolve(value)
      })
      this.#channel.postMessage({ asks, id, ...about })
    })
  }

  async #restart() {
    await this.#end()
    await this.#load()
  }
}

/** A mutant as in StrykerJS' results. There, lines and columns count from 1, and here from 0. */
function counted({ location: { start, end }, ...mutant }) {
  const next = ({ line, column }) => ({ line: line + 1, column: column + 1 })
  return { ...mutant, location: { start: next(start), end: next(end) } }
}

export const strykerValidationSchema = {
  properties: { sample: { description: "The share of mutants that run.", type: "number", minimum: 0, maximum: 1 } },
}
export const strykerPlugins = [{ kind: "TestRunner", name: "one-worker", injectableClass: OneWorkerTestRunner }]
