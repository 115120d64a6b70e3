import type { Site, SiteTensorName } from "@lllite/format"
import type { Tensor, Tensor3D } from "@tensorflow/tfjs-core"
import * as tf from "@tensorflow/tfjs-core"
import { adaptedInputs, controlShare } from "../src/models/lllite/adapter.ts"
import { cutControl, embedControl } from "../src/models/lllite/conditioner.ts"
import type { Depth } from "../src/models/lllite/control-patches.ts"
import { toFileLayout } from "../src/models/lllite/layout.ts"
import { fillLllite } from "../src/models/lllite/model.ts"
import type { AdapterParams } from "../src/models/lllite/params.ts"
import { disposeLllite, uploadLllite } from "../src/models/lllite/params.ts"
import type { Ops } from "../src/ops/ops.ts"
import type { WeightEntry } from "../src/ops/weight-entry.ts"
import type { CaseResult, ReferenceTensors } from "./case.ts"
import { compare } from "./case.ts"
import { fromNchw, toNchw } from "./layout.ts"
import { signal, weight } from "./synthetic.ts"

interface ModuleCase {
  readonly host: string
  readonly hostShape: readonly number[]
  readonly depth: Depth
  readonly condDim: number
  readonly mlpDim: number
  readonly strength: number
  readonly x: string
  readonly xShape: readonly number[]
  readonly control: string
  readonly controlShape: readonly [number, number, number, number]
  readonly dy: string
}

/** module.json */
export interface ModuleReference {
  readonly cases: Readonly<Record<string, ModuleCase>>
}

/** One adapter before one host: embedding, output, and every gradient. */
export async function runModule(
  reference: ModuleReference,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = []
  for (const [name, moduleCase] of Object.entries(reference.cases))
    results.push(...(await runCase(name, moduleCase, tensors, ops)))
  return results
}

async function runCase(
  name: string,
  moduleCase: ModuleCase,
  tensors: ReferenceTensors,
  ops: Ops,
): Promise<CaseResult[]> {
  const conv = moduleCase.hostShape.length === 4
  const prefix = moduleCase.host.slice(0, moduleCase.host.lastIndexOf("/") + 1)
  const [hostOut = 0, inDim = 0] = moduleCase.hostShape
  const site: Site = {
    ...{ key: name, path: name, section: "middle", block: "middle", blockIndex: 0, index: null, attention: null },
    ...{ projection: "proj-in", conv, inDim, depth: moduleCase.depth },
  }
  const model = await fillLllite([{ site, condDim: moduleCase.condDim, mlpDim: moduleCase.mlpDim }], (slot) =>
    weight(prefix + slot.name, slot.fileShape),
  )
  const lllite = uploadLllite(model)
  const adapter = lllite.adapters.get(name) as AdapterParams
  const host = (suffix: string, shape: readonly number[]): WeightEntry => {
    const entryName = `${prefix}host.${suffix}`
    return { name: entryName, dtype: "F32", shape, read: async () => new Uint8Array(weight(entryName, shape).buffer) }
  }
  const hostEntries = [host("weight", moduleCase.hostShape), host("bias", [hostOut])] as const
  const hostWeight = conv ? await ops.load.conv2d(...hostEntries) : await ops.load.linear(...hostEntries)

  const [count, , height, width] = moduleCase.controlShape
  const control = fromNchw(signal(moduleCase.control, moduleCase.controlShape), moduleCase.controlShape)
  const cut = cutControl(
    { count, height, width, data: await control.data<"float32">() },
    { depth: moduleCase.depth, channels: 3 },
  )
  const x = input(moduleCase.x, moduleCase.xShape)
  const grid = conv ? { height: x.shape[1] ?? 0, width: x.shape[2] ?? 0 } : cut.grid
  const dyShape = moduleCase.xShape.map((size, axis) => (axis === (conv ? 1 : 2) ? hostOut : size))
  const dy = input(moduleCase.dy, dyShape)

  const strengths = Array<number>(x.shape[0] ?? 0).fill(moduleCase.strength)
  const hostOutput = (input: Tensor): Tensor => {
    const control = { share: controlShare(ops, adapter, cut), grid: cut.grid }
    const [y = input] = adaptedInputs(ops, [{ adapter, control, strengths }], input, grid)
    return hostWeight.kind === "conv2d"
      ? ops.conv2d(y as tf.Tensor4D, hostWeight, { stride: 1, padding: [1, 1, 1, 1] })
      : ops.linear(y, hostWeight)
  }
  const y = tf.tidy(() => hostOutput(x))
  const [dx, ...dLeaves] = tf.grads(() => hostOutput(x))([x, ...lllite.leaves], dy)
  const embedding = embedControl(ops, adapter, cut)

  const results: CaseResult[] = []
  const check = async (what: string, ours: Float32Array): Promise<void> => {
    const label = `module.${name}.${what}`
    results.push(compare(label, ours, await tensors.readFloat32(label)))
  }
  const picture = tf.reshape(embedding, [count, cut.grid.height, cut.grid.width, moduleCase.condDim])
  await check("embedding", conv ? await corner(picture) : await head(embedding, 8))
  await check("y", conv ? await corner(y) : await head(y, 16))
  await check("ySum", Float32Array.of((await y.data<"float32">()).reduce((sum, value) => sum + value, 0)))
  await check("dx", conv ? await corner(dx as Tensor) : await head(dx as Tensor, 16))
  const flat = (await Promise.all(dLeaves.map((leaf) => leaf.data<"float32">()))).flatMap((values) => [...values])
  const gradients = Float32Array.from(flat)
  for (const slot of model.slots) {
    const values = toFileLayout(gradients.subarray(slot.offset, slot.offset + slot.size), slot.fileShape)
    await check(`grad/${slot.name satisfies SiteTensorName}`, values)
  }
  tf.dispose([control, cut.patches, x, dy, y, dx as Tensor, ...dLeaves, embedding, picture])
  disposeLllite(lllite)
  hostWeight.dispose()
  return results
}

/** Converts [N, C, H, W] to NHWC, and keeps [N, T, C]. */
function input(name: string, shape: readonly number[]): Tensor {
  const values = signal(name, shape)
  return shape.length === 4 ? fromNchw(values, shape) : tf.tensor(values, [...shape])
}

async function corner(x: Tensor): Promise<Float32Array> {
  const [n = 0, , , c = 0] = x.shape
  const part = tf.slice(x, [0, 0, 0, 0], [n, 4, 4, c])
  const values = await toNchw(part)
  part.dispose()
  return values
}

async function head(x: Tensor, tokens: number): Promise<Float32Array> {
  const [n = 0, , c = 0] = x.shape
  const part = tf.slice(x as Tensor3D, [0, 0, 0], [n, tokens, c])
  const values = await part.data<"float32">()
  part.dispose()
  return values
}
