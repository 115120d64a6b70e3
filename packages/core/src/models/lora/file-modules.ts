import { isReadableDtype, toFloat32 } from "@lllite/format"
import { CoreError } from "../../errors.ts"
import type { WeightEntry } from "../../ops/weight-entry.ts"
import { expectFinite } from "../finite-values.ts"
import { checkFile } from "../given.ts"
import type { WeightFile } from "../weight-reader.ts"
import type { LoraModule, LoraTensor } from "./module-delta.ts"
import type { LoraTensorName } from "./module-names.ts"
import { loraTensorPlace } from "./module-names.ts"
import type { LoraTarget } from "./targets.ts"

/** The tensors of one module, which are not read yet. */
export type LoraTensors = ReadonlyMap<LoraTensorName, WeightEntry>

/** What a LoRA's file holds for an SDXL. */
export interface FileModules {
  /** By the names of `targets`. */
  readonly modules: ReadonlyMap<string, LoraTensors>
  /** Names of tensors that fit no layer. */
  readonly unknown: readonly string[]
}

/**
 * The modules of a LoRA's file, by their layers.
 *
 * @throws CoreError for a file without a module for these layers
 */
export function modulesOf({ label, entries }: WeightFile, targets: ReadonlyMap<string, LoraTarget>): FileModules {
  const modules = new Map<string, Map<LoraTensorName, WeightEntry>>()
  const unknown: string[] = []
  for (const [name, entry] of entries) {
    const place = loraTensorPlace(name)
    if (place === null || !targets.has(place.module)) {
      unknown.push(name)
      continue
    }
    const module = modules.get(place.module) ?? new Map<LoraTensorName, WeightEntry>()
    modules.set(place.module, module.set(place.tensor, entry))
  }
  if (modules.size > 0) return { modules, unknown }
  const names = [...entries.keys()]
  if (names.some((name) => OTHER_METHODS.test(name))) {
    throw new CoreError(
      "adapter-values",
      `${label} is an adapter of OFT or IA3, which is not supported. Give a LoRA, LoCon, LoHa, LoKr or DoRA for SDXL.`,
    )
  }
  const [first = "nothing"] = names
  throw new CoreError(
    "adapter-values",
    `${label} has no module for a layer of this SDXL; its first tensor is "${first}". Give a LoRA for SDXL.`,
  )
}

/** Tensors of methods that do not add to a layer's weight. */
const OTHER_METHODS = /\.(?:oft_blocks|oft_diag|on_input)$/

/** A notice about tensors that fit no layer, if there are any. */
export function unusedNotice({ label }: WeightFile, unknown: readonly string[]): readonly string[] {
  const [first] = unknown
  if (first === undefined) return []
  const fit = unknown.length === 1 ? "tensor fits no layer and is" : "tensors fit no layer and are"
  return [`${label}: ${unknown.length} ${fit} not used, first "${first}".`]
}

/** Whether a LoRA changes the lengths of the weights' rows or columns (DoRA), for which it reads the weights. */
export function isDora(file: Pick<WeightFile, "entries">): boolean {
  checkFile("LoRA", file)
  const { entries } = file
  return [...entries.keys()].some((name) => loraTensorPlace(name)?.tensor === "dora_scale")
}

/**
 * Reads a module's tensors.
 *
 * @param owner the file
 * @throws CoreError for a dtype that is not one of floats, and for NaN and infinity
 */
export async function readModule(owner: string, tensors: LoraTensors): Promise<LoraModule> {
  const read = async (entry: WeightEntry): Promise<LoraTensor> => {
    if (!isReadableDtype(entry.dtype)) {
      throw new CoreError("checkpoint-dtype", `"${entry.name}" is ${entry.dtype}, expected a dtype of floats`)
    }
    const values = toFloat32(await entry.read(), entry.dtype)
    expectFinite(owner, values, (index) => ({ name: entry.name, index }))
    return { shape: entry.shape, values }
  }
  return new Map(await Promise.all([...tensors].map(async ([name, entry]) => [name, await read(entry)] as const)))
}
