// A runner of Vitest for mutation testing. It loads every test file of a part once, in one worker, and keeps the tests.
// When the last file is loaded, it runs tests on demand, with a mutant or without one, so that a mutant costs the tests
// that go through it, and no start of a worker.
import { performance } from "node:perf_hooks"
import { BroadcastChannel } from "node:worker_threads"
import { inject, TestRunner } from "vitest"

const NAMESPACE = "__stryker__"
/** A test that has waited so much longer than its run without mutants, with nothing to compute, waits for ever. */
const MOST_IDLE_MS = 3000
/** Tests may replace the clock. */
const { setTimeout, setInterval, clearInterval } = globalThis
globalThis[NAMESPACE] ??= {}
const stryker = globalThis[NAMESPACE]
stryker.mutantCoverage ??= { static: {}, perTest: {} }
/** The tests of all files by their id, with the milliseconds that each took last. Files share the worker. */
globalThis.keptTests ??= { tests: new Map(), failures: [], files: 0 }
const kept = globalThis.keptTests

export default class ServingRunner extends TestRunner {
  /** What a file releases at its end is needed as long as its tests may run. */
  onCollected(files) {
    for (const file of files) keepFixtures(file)
  }

  /** Keeps a test instead of running it. The hooks around all tests of a suite have run before. */
  runTask(test) {
    const name = fullName(test)
    let id = `${test.file.filepath}#${name}`
    for (let n = 2; kept.tests.has(id); n++) id = `${test.file.filepath}#${name} (${n})`
    kept.tests.set(id, { id, name, test, milliseconds: 0, seconds: 0, backend: globalThis._tfengine?.backendName })
  }

  async onAfterRunFiles(files) {
    for (const file of files) kept.failures.push(...failuresOf(file))
    kept.files += files.length
    if (kept.files >= inject("files")) await serve(inject("channel"))
    super.onAfterRunFiles(files)
  }
}

function keepFixtures(suite) {
  const hooks = TestRunner.getSuiteHooks(suite)
  if (hooks) hooks.afterAll = []
  for (const task of suite.tasks) if (task.type === "suite") keepFixtures(task)
}

function failuresOf(task) {
  const own = (task.result?.errors ?? []).map(({ message }) => `${task.name}: ${message}`)
  return [...own, ...(task.tasks ?? []).flatMap(failuresOf)]
}

function fullName(task) {
  const names = []
  for (let at = task; at && at !== task.file; at = at.suite) names.unshift(at.name)
  return names.join(" > ")
}

/** Answers requests until one asks for the end. */
async function serve(name) {
  const channel = new BroadcastChannel(name)
  const answers = { cover, mutate }
  await new Promise((end) => {
    channel.onmessage = async ({ data }) => {
      if (data.asks === undefined) return
      if (data.asks === "end") return end()
      channel.postMessage({
        answers: data.id,
        value: await answers[data.asks](data, (id) => channel.postMessage({ begins: id })),
      })
    }
    channel.postMessage({ answers: 0, value: kept.failures })
  })
  channel.close()
}

/** Runs every test without a mutant, and notes what each goes through. */
async function cover() {
  const results = []
  for (const entry of kept.tests.values()) {
    stryker.currentTestId = entry.id
    const failure = await run(entry)
    stryker.currentTestId = undefined
    const { id, name, test, milliseconds, seconds } = entry
    results.push({
      id,
      name,
      fileName: test.file.filepath,
      startPosition: test.location,
      milliseconds,
      seconds,
      failure,
    })
  }
  return { results, mutantCoverage: stryker.mutantCoverage }
}

/**
 * Runs tests with a mutant until one fails. That test must pass again without the mutant: otherwise the mutant has
 * changed what later tests share, such as a cache, and the worker is spoilt.
 *
 * @param begins is called before each test, whose limits then count
 */
async function mutate({ mutant, ids, limits }, begins) {
  const tests = ids.flatMap((id, i) => (kept.tests.has(id) ? [{ test: kept.tests.get(id), hitLimit: limits[i] }] : []))
  if (tests.length < ids.length) return { spoilt: true, error: "a test is no longer there" }
  tests.sort((a, b) => a.test.milliseconds - b.test.milliseconds)
  let nrOfTests = 0
  for (const { test, hitLimit } of tests) {
    nrOfTests++
    begins(test.id)
    Object.assign(stryker, { hitCount: 0, hitLimit, activeMutant: mutant })
    const failure = await run(test)
    const endless = stryker.hitCount > hitLimit
    Object.assign(stryker, { hitCount: undefined, hitLimit: undefined, activeMutant: undefined })
    if (failure === undefined && !endless) continue
    // What the failed test has left running ends without the mutant.
    await new Promise((next) => setTimeout(next, 0))
    const spoilt = (await run(test)) !== undefined
    return { killedBy: test.id, failure: failure ?? "endless", endless, nrOfTests, spoilt }
  }
  return { nrOfTests, spoilt: false }
}

/** Files share TensorFlow.js, too. A file that names no backend has the one of JavaScript. */
async function useBackend(name = "cpu") {
  const engine = globalThis._tfengine
  if (engine === undefined || engine.backendName === name || !(name in engine.registryFactory)) return
  await engine.setBackend(name)
}

/** Runs a test with the hooks around each test. Gives the message of its failure. */
async function run(entry) {
  const { test } = entry
  const suites = []
  for (let at = test.suite ?? test.file; at; at = at === test.file ? undefined : (at.suite ?? test.file))
    suites.push(at)
  const hooks = (name) => suites.flatMap((suite) => TestRunner.getSuiteHooks(suite)?.[name] ?? [])
  await useBackend(entry.backend)
  const start = performance.now()
  const used = process.cpuUsage()
  let failure
  const note = (error) => {
    failure ??= String(error?.message ?? error).slice(0, 500)
  }
  try {
    for (const hook of hooks("beforeEach").toReversed()) await hook(test.context, test.suite)
    await withoutEndlessWait(TestRunner.getTestFn(test)(), entry)
  } catch (error) {
    note(error)
  }
  // A hook after a test may check what the test has left.
  for (const hook of hooks("afterEach")) await (async () => hook(test.context, test.suite))().catch(note)
  if (failure === undefined) {
    entry.milliseconds = performance.now() - start
    const { user, system } = process.cpuUsage(used)
    entry.seconds = (user + system) / 1e6
  }
  return failure
}

/**
 * Fails when a test waits for ever, as for a promise that a mutant never settles. Only time without anything to compute
 * counts, so a busy machine makes no difference.
 */
async function withoutEndlessWait(ended, { milliseconds }) {
  const start = performance.eventLoopUtilization()
  let watch
  const waits = new Promise((_, reject) => {
    watch = setInterval(() => {
      const { idle } = performance.eventLoopUtilization(start)
      if (idle > MOST_IDLE_MS + 2 * milliseconds) reject(new Error("the test waits for ever"))
    }, 250)
  })
  return Promise.race([ended, waits]).finally(() => clearInterval(watch))
}
