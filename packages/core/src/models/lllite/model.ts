import type { AdapterDims, LlliteFile, Site, SiteTensorName } from "@lllite/format"
import { dimsOf } from "@lllite/format"
import { checkArgument, checkChoice, checkGiven, checkOptions } from "../../argument.ts"
import { CoreError } from "../../errors.ts"
import type { RandomStream } from "../../random/stream.ts"
import { expectFinite } from "../finite-values.ts"
import type { AdapterPlan, LlliteModel, Slot } from "./layout.ts"
import { checkModel, fromFileLayout, layOutSlots, tensorKey, toFileLayout } from "./layout.ts"

export interface CreateLlliteOptions {
  /**
   * `zero` starts as the identity: `up` is all zeros. `reference` sets only the weight of `up` to zero and draws its
   * bias, as sd-scripts does. This adds a random constant to every site before the first step.
   */
  readonly init?: "zero" | "reference"
}

/**
 * A new LLLite with PyTorch's default initialisation, uniform within ±1/√fanIn, and `up` at zero. `stream` draws the
 * values by the adapter's index.
 */
export function createLllite(
  sites: readonly Site[],
  dims: AdapterDims,
  stream: RandomStream,
  options: CreateLlliteOptions = {},
): LlliteModel {
  checkArgument("LLLite: the sites", sites, "a list")
  checkArgument("LLLite: the widths", dims, "an object")
  checkGiven("LLLite: the stream", stream, "uniform", "createStream")
  checkOptions<CreateLlliteOptions>("LLLite", options, { init: "anything" })
  const { init = "zero" } = options
  checkChoice("LLLite", "init", init, ["zero", "reference"])
  const adapters = sites.map((site): AdapterPlan => ({ site, ...dimsOf(dims) }))
  const { slots, size } = layOutSlots(adapters)
  const values = new Float32Array(size)
  let fanIn = 1
  for (const [index, { name, fileShape, offset, size: length }] of slots.entries()) {
    // A bias follows its weight and has the same bound.
    if (name.endsWith(".weight")) fanIn = fileShape.slice(1).reduce((product, axis) => product * axis, 1)
    if (name === "up.0.weight" || (name === "up.0.bias" && init === "zero")) continue
    const bound = 1 / Math.sqrt(fanIn)
    const draws = stream.uniform(length, { index })
    for (let i = 0; i < length; i++) values[offset + i] = (2 * (draws[i] ?? 0) - 1) * bound
  }
  return { adapters, slots, values }
}

/**
 * Reads a file's adapters.
 *
 * @throws FormatError for a tensor that the file does not hold; CoreError for NaN and infinity
 */
export async function readLlliteModel(file: LlliteFile): Promise<LlliteModel> {
  checkGiven("LLLite: the file", file, "sites", "readLllite")
  const model = await fillLllite(
    file.sites.map((site) => ({ site, ...dimsOf(site) })),
    ({ plan, name }) => file.tensor(plan.site, name),
  )
  expectFinite(`"${file.safetensors.label}"`, model.values, (at) => {
    const slot = model.slots.find(({ offset, size }) => at >= offset && at < offset + size)
    return { name: slot?.key ?? "", index: at - (slot?.offset ?? 0) }
  })
  return { ...model, notices: llliteNotices(file) }
}

/** What an LLLite file holds that is not used, one sentence each. */
export function llliteNotices(
  file: Pick<LlliteFile, "extraTensors" | "extraTensorCount" | "safetensors">,
): readonly string[] {
  checkGiven("LLLite: the file", file, "safetensors", "readLllite")
  const { extraTensors, extraTensorCount, safetensors } = file
  const [first] = extraTensors
  if (first === undefined) return []
  const are = extraTensorCount === 1 ? "tensor belongs to no site and is" : "tensors belong to no site and are"
  return [`"${safetensors.label}": ${extraTensorCount} ${are} not read. The first is "${first}".`]
}

/** Makes an LLLite of tensors in the file's layout. @throws CoreError for a tensor of another length */
export async function fillLllite(
  adapters: readonly AdapterPlan[],
  tensor: (slot: Slot) => Float32Array | Promise<Float32Array>,
): Promise<LlliteModel> {
  const { slots, size } = layOutSlots(adapters)
  const values = new Float32Array(size)
  for (const slot of slots) {
    const found = await tensor(slot)
    if (found.length !== slot.size) {
      throw new CoreError(
        "adapter-values",
        `LLLite: "${slot.key}" has ${found.length} values, expected ${slot.fileShape.join("×")}`,
      )
    }
    values.set(fromFileLayout(found, slot.fileShape), slot.offset)
  }
  return { adapters, slots, values }
}

/**
 * One tensor of an LLLite in the file's layout: a copy. The conditioner of a site with a trunk is the trunk's.
 *
 * @throws CoreError when the model has no such tensor
 */
export function fileTensor(model: LlliteModel, site: Pick<Site, "key">, name: SiteTensorName): Float32Array {
  checkModel("LLLite", model)
  checkArgument("LLLite: the site", site, "an object")
  const adapter = model.adapters.find((one) => one.site.key === site.key)
  const key = adapter === undefined ? null : tensorKey(adapter, name)
  const slot = model.slots.find((slot) => slot.key === key)
  if (slot === undefined) throw new CoreError("adapter-values", `LLLite: there is no tensor "${site.key}.${name}"`)
  return toFileLayout(model.values.subarray(slot.offset, slot.offset + slot.size), slot.fileShape)
}
