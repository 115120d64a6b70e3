import { expectOpenFile } from "../argument.ts"
import { show } from "../errors.ts"
import type { TensorInfo } from "../safetensors/header-contents.ts"
import type { BaseModel, FileKind } from "./kind-rules.ts"
import { KIND_RULES } from "./kind-rules.ts"
import { quantisedByName } from "./quantisation.ts"

/** What of a file's tensors decides its kind. */
export type NamedShapes = ReadonlyMap<string, Pick<TensorInfo, "name" | "shape">>

/** A file's kind with a phrase for people: "a LoRA (kohya names)". */
export interface FileIdentity {
  readonly kind: FileKind
  readonly detail: string
  /** The model that it is or belongs to. Null if the header does not show it. */
  readonly base: BaseModel | null
}

/**
 * Identifies a safetensors file by its header alone. Tensor names decide the kind. The width of the text input decides
 * the base model. No tensor is read, so a wrong file of any size is recognised at once.
 */
export function identify(header: { readonly tensors: NamedShapes }): FileIdentity {
  expectOpenFile(header)
  const { seen, contextDim } = survey(header.tensors)
  for (const [kind, detail, base, ...names] of KIND_RULES) {
    if (!names.some((patterns) => patterns.split(AND).every((pattern) => seen.has(pattern)))) continue
    return { kind, detail, base: base === "by-text" ? (baseOfText(contextDim) ?? baseOfSizes(header.tensors)) : base }
  }
  const [only, another] = header.tensors.values()
  if (only === undefined) return { kind: "empty", detail: "a safetensors file without tensors", base: null }
  // Diffusers saves an embedding as its one tensor, named after the token.
  const width = only.shape.at(-1) ?? 0
  if (another === undefined && only.shape.length <= 2 && [768, 1024, 1280].includes(width)) {
    return { kind: "textual-inversion", detail: "a textual inversion (diffusers names)", base: baseOfText(width) }
  }
  const reason = quantisedByName([...header.tensors.keys()])
  if (reason !== null) return { kind: "unknown", detail: `an unknown kind of file: ${reason}`, base: null }
  return { kind: "unknown", detail: `an unknown kind of file; its first tensor is ${show(only.name)}`, base: null }
}

const AND = " & "

const PATTERNS: ReadonlySet<string> = new Set(
  KIND_RULES.flatMap(([, , , ...names]) => names.flatMap((patterns) => patterns.split(AND))),
)

const CROSS_ATTENTION_KEY =
  /attn2[._](?:processor\.)?to_k(?:_lora\.down|\.lora_down|\.lora_A|_ip)?\.(?:default\.)?weight$|to_k_ip\.weight$/

/** About how many characters of names are searched at once. */
const BATCH = 2 ** 16

/** The patterns that a name matches, in one pass over the names. There may be millions of names. */
function survey(tensors: NamedShapes): {
  seen: ReadonlySet<string>
  contextDim: number | undefined
} {
  const seen = new Set<string>()
  const waiting = new Set(PATTERNS)
  let contextName: string | undefined
  for (const names of batches(tensors.keys())) {
    // Most patterns match no name. The engine's string search shows this for thousands of names together.
    const text = names.join("\n")
    for (const pattern of waiting) {
      const part = pattern.replace("^", "")
      const matches = (name: string): boolean => (part === pattern ? name.includes(part) : name.startsWith(part))
      if (!text.includes(part) || !names.some(matches)) continue
      waiting.delete(pattern)
      seen.add(pattern)
    }
    // Cross-attention's keys read the text. Their last axis is as wide as the text encoder's output.
    if (text.includes("to_k")) contextName ??= names.find((name) => CROSS_ATTENTION_KEY.test(name))
  }
  return { seen, contextDim: contextName === undefined ? undefined : tensors.get(contextName)?.shape[1] }
}

function* batches(names: Iterable<string>): Generator<readonly string[]> {
  let batch: string[] = []
  let characters = 0
  for (const name of names) {
    batch.push(name)
    characters += name.length
    if (characters < BATCH) continue
    yield batch
    batch = []
    characters = 0
  }
  yield batch
}

function baseOfText(width: number | undefined): BaseModel | null {
  return width === 768 ? "sd1" : width === 1024 ? "sd2" : width === 2048 ? "sdxl" : null
}

/** A network without attention reads no text. Only SDXL's reads the picture's sizes beside the pooled text. */
function baseOfSizes(tensors: NamedShapes): BaseModel | null {
  const isSdxl = SIZE_KEYS.some((name) => tensors.get(name)?.shape[1] === 2816)
  return isSdxl ? "sdxl" : null
}

const SIZE_KEYS = ["add_embedding.linear_1.weight", "label_emb.0.0.weight", "control_model.label_emb.0.0.weight"]
