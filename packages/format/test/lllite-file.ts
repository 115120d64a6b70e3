import type { LlliteSite, UnetLayout } from "../src/index.ts"
import { openSafetensors } from "../src/index.ts"
import type { SiteSelection } from "../src/selections/index.ts"
import { DEFAULT_SELECTION, enumerateSites } from "../src/selections/index.ts"
import type { LlliteContents, TensorBytes } from "../src/write/index.ts"
import { serializeLllite, serializeSafetensors } from "../src/write/index.ts"

/** A U-Net small enough to make files of in a test. */
export const SMALL_LAYOUT: UnetLayout = {
  modelChannels: 8,
  channelMult: [1, 2, 4],
  transformerDepth: [0, 1, 2],
  middleDepth: 2,
}

export const SMALL_DIMS = { condDim: 4, mlpDim: 3 }

/** The sites of a small LLLite. */
export function smallSites(selection: SiteSelection = DEFAULT_SELECTION, layout = SMALL_LAYOUT): LlliteSite[] {
  return enumerateSites(layout, selection).map((site) => ({ ...site, ...SMALL_DIMS }))
}

/** The bytes of a small LLLite whose every value is 0.25. */
export function smallLllite(change: Partial<LlliteContents<LlliteSite>> = {}): Promise<Uint8Array<ArrayBuffer>> {
  const values: LlliteContents<LlliteSite>["values"] = (site, name) =>
    new Float32Array(valueCount(site, name)).fill(0.25)
  return serializeLllite({ sites: smallSites(), values, dtype: "F32", ...change })
}

function valueCount(site: LlliteSite, name: string): number {
  const { inDim, condDim, mlpDim, depth } = site
  const half = Math.floor(condDim / 2)
  const counts: Record<string, number> = {
    "conditioning1.0.weight": half * 48,
    "conditioning1.0.bias": half,
    "conditioning1.2.weight": depth === 3 ? half * half * 16 : condDim * half * (depth === 2 ? 16 : 4),
    "conditioning1.2.bias": depth === 3 ? half : condDim,
    "conditioning1.4.weight": condDim * half * 4,
    "conditioning1.4.bias": condDim,
    "down.0.weight": mlpDim * inDim,
    "down.0.bias": mlpDim,
    "mid.0.weight": mlpDim * (mlpDim + condDim),
    "mid.0.bias": mlpDim,
    "up.0.weight": inDim * mlpDim,
    "up.0.bias": inDim,
  }
  return counts[name] ?? 0
}

/** A file's tensors taken apart, changed and put together again. */
export async function edited(
  file: Uint8Array,
  change: (tensors: Map<string, TensorBytes>) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const opened = await openSafetensors(file)
  const tensors = new Map<string, TensorBytes>()
  for (const [name, { dtype, shape }] of opened.tensors)
    tensors.set(name, { dtype, shape, bytes: await opened.read(name) })
  change(tensors)
  return serializeSafetensors(tensors, opened.metadata)
}

/** A float32 tensor of zeros. */
export function zeros(...shape: readonly number[]): TensorBytes {
  return { dtype: "F32", shape, bytes: new Uint8Array(4 * shape.reduce((product, size) => product * size, 1)) }
}
