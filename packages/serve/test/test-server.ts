import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { GenerateInput, Library, Runner, ServerOptions, Task } from "@lllite/serve"
import { startServer } from "@lllite/serve"
import { onTestFinished } from "vitest"

/** The smallest PNG: one black pixel. */
export const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
)

/** A folder that is removed after the test. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lllite-serve-"))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A library without folders. */
export const NO_MODELS: Library = { list: async () => [] }

export type Draw = (task: Task<GenerateInput>) => Promise<void>

/** A runner that writes a small PNG for each recipe, after `draw`. */
export function testRunner(draw: Draw = async () => {}): Runner {
  return {
    checkCommand: async () => {},
    command: async () => [],
    dispose: async () => {},
    async generate(task) {
      await draw(task)
      const files = task.input.recipes.map((_, recipe) => ({ path: join(task.folder, `${recipe}.png`), recipe }))
      // Text after the end of a PNG tells the pictures apart.
      for (const [i, { path }] of files.entries()) {
        await writeFile(path, Buffer.concat([PNG, Buffer.from(JSON.stringify(task.input.recipes[i]))]))
      }
      return files
    },
  }
}

/** A server on a free port that is stopped after the test. */
export async function testServer(
  options: Partial<ServerOptions> = {},
): Promise<{ readonly url: string; readonly close: () => Promise<void>; readonly folder: string }> {
  const folder = options.folder ?? (await testFolder())
  const server = await startServer({
    ...{ folder, port: 0, runner: testRunner(), library: NO_MODELS, version: "0.0.0" },
    ...options,
  })
  onTestFinished(() => server.close())
  return { url: server.url, close: () => server.close(), folder }
}

/** A recipe of the embedded SDXL. */
export const RECIPE = { prompt: "a star", seed: 7, width: 64, height: 64, model: { checkpoint: { path: "tiny" } } }

/** A POST of JSON. */
export function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  })
}

/** What tests read of a job. */
export interface SeenJob {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly notices: readonly string[]
  readonly results: readonly { readonly name: string; readonly sha256: string; readonly recipe?: number }[]
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Starts a job of one picture. */
export async function startJob(url: string, recipe: object = RECIPE): Promise<SeenJob> {
  const answer = await post(`${url}/v1/jobs`, { kind: "generate", recipes: [recipe] })
  if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`)
  return (await answer.json()) as SeenJob
}

/** Waits for the end of a job's events. */
export async function endedJob(url: string, id: string): Promise<SeenJob> {
  await (await fetch(`${url}/v1/jobs/${id}/events`)).text()
  return (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as SeenJob
}

/** The code of an error, with the status. */
export async function refusal(answer: Response | Promise<Response>): Promise<string> {
  const response = await answer
  const { error } = (await response.json()) as { readonly error?: { readonly code: string } }
  return `${response.status} ${error?.code}`
}

/** A promise with its resolve. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
