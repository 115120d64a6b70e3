import { createTokenizer } from "@lllite/core/models"
import { createComposedOps, type Ops, registerGradients } from "@lllite/core/ops"
import * as run from "@lllite/core/reference"
import { checkOps } from "@lllite/core/testing"
import { fromBytes, openSafetensors, type SafetensorsFile } from "@lllite/format"
import { createWebgpuOps, startWebgpu } from "@lllite/webgpu"
import type { Answer, Outcome, Task } from "./tasks.ts"

let started: Promise<{ readonly ops: Ops; readonly adapter: string }> | null = null

async function start() {
  await registerGradients()
  const { architecture, description } = await startWebgpu(navigator.gpu, { software: true })
  return { ops: createWebgpuOps(createComposedOps()), adapter: description || architecture }
}

globalThis.onmessage = async ({ data }: MessageEvent<Task>) => {
  const answer: Answer = await compute(data).then(
    (outcome) => ({ outcome }),
    (error: unknown) => ({ error }),
  )
  globalThis.postMessage(answer)
}

interface Compared {
  readonly maxRelError: number
  readonly ok: boolean
}

async function compute(task: Task): Promise<Outcome> {
  started ??= start()
  const { ops, adapter } = await started
  const results: Compared[] =
    task.kind === "ops" ? await checkOps(ops) : (await runSuite(task, ops)).filter((result) => "ok" in result)
  return {
    adapter,
    compared: results.length,
    failed: results.filter(({ ok }) => !ok),
    worstError: Math.max(...results.map(({ maxRelError }) => maxRelError)),
  }
}

async function runSuite(
  { suite, url, merges }: Extract<Task, { kind: "reference" }>,
  ops: Ops,
): Promise<readonly run.CaseResult[]> {
  const json = async <T>(name: string): Promise<T> => (await fetch(`${url}${name}.json`)).json()
  const tensors = async (name: string): Promise<SafetensorsFile> => {
    const bytes = await (await fetch(`${url}${name}.safetensors`)).arrayBuffer()
    return openSafetensors(fromBytes(new Uint8Array(bytes), name))
  }
  switch (suite) {
    case "module":
      return run.runModule(await json("module"), await tensors("module"), ops)
    case "unet":
      return run.runUnet(await json("unet"), await tensors("unet"), ops)
    case "text-vae":
      return run.runTextVae(await json("text-vae"), await tensors("text-vae"), ops)
    case "diffusion":
      return run.runDiffusion(await json("diffusion"), await tensors("diffusion"))
    case "pipeline": {
      const tokenizer = createTokenizer(await (await fetch(merges)).text())
      const descriptions = [
        await json<run.PipelineReference>("pipeline"),
        await json<run.UnetReference>("unet"),
      ] as const
      return run.runPipeline(...descriptions, await json("text-vae"), await tensors("pipeline"), tokenizer, ops)
    }
  }
}
