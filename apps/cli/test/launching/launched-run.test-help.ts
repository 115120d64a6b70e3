import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect } from "vitest"

/* A tiny training of two ranks, which launchers start. `turbo run build` comes first. */

const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url))

/** The folder of the files that launchers take. */
export const DEPLOY = fileURLToPath(new URL("../../../../deploy/", import.meta.url))

/** Steps of the training. */
const STEPS = 6

/** A program of the machine, or of the Python that LLLITE_PYTHON names. Null: there is none. */
export function findTool(name: string): string | null {
  const python = process.env.LLLITE_PYTHON
  const folders = [
    ...(python?.includes("/") === true ? [dirname(python)] : []),
    ...(process.env.PATH ?? "").split(delimiter),
    "/usr/sbin",
  ]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

/** The environment with a command `lllite` that is the built one. @param folder gets the command */
export async function withLllite(folder: string): Promise<NodeJS.ProcessEnv> {
  const bin = join(folder, "bin")
  await mkdir(bin, { recursive: true })
  const program = `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(main)} "$@"\n`
  await writeFile(join(bin, "lllite"), program)
  await chmod(join(bin, "lllite"), 0o755)
  return { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
}

/** Writes the options of a training of the pairs of `drawnPairs`. @returns the path of the file */
export async function runFile(
  folder: string,
  out: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const options = {
    ...{ pretrained_model_name_or_path: "tiny", backend: "wasm", resolution: "64", train_batch_size: 2 },
    ...{ train_data_dir: join(folder, "images"), conditioning_data_dir: join(folder, "controls") },
    ...{ max_train_steps: STEPS, save_state: true, resume: "latest", output_dir: out, no_report: true, rank_wait: 300 },
    ...more,
  }
  const path = join(folder, `${out.split("/").at(-1)}.toml`)
  const lines = Object.entries(options).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
  await writeFile(path, `${lines.join("\n")}\n`)
  return path
}

/** A program that runs, and what it has written to stdout and stderr. */
export interface Started {
  readonly child: ChildProcess
  text(): string
  readonly ended: Promise<number | null>
}

export function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): Started {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"], ...(cwd === undefined ? {} : { cwd }) })
  let text = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (more: string) => {
      text += more
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
  return { child, text: () => text, ended }
}

/** The LLLite of a run in one process, with the same options. */
export async function aloneBytes(folder: string, env: NodeJS.ProcessEnv): Promise<Buffer> {
  const out = join(folder, "alone")
  const run = start("lllite", ["train", "--config_file", await runFile(folder, out)], env)
  expect(await run.ended, run.text()).toBe(0)
  return llliteBytes(out)
}

export function llliteBytes(out: string): Promise<Buffer> {
  return readFile(join(out, "last.safetensors"))
}

/** The parts that ranks say they have computed, in what launchers have written. */
export function computedParts(text: string): readonly number[] {
  return [...text.matchAll(/"event":"done","parts":(\d+)/g)].map(([, parts]) => Number(parts))
}

/** A port of this machine that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === "object" && address !== null ? address.port : 0
}

export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 100))
}
