import { show } from "./errors.ts"
import type { FileKind, KindRule } from "./identify-rules.ts"
import { KIND_RULES } from "./identify-rules.ts"
import type { SafetensorsHeader, TensorInfo } from "./safetensors/header.ts"

export type { FileKind } from "./identify-rules.ts"

/** The family of image models that a file belongs to. */
export type BaseModel = "sd1" | "sd2" | "sdxl" | "sd3" | "flux" | "anima"

/** A file's kind with a phrase for people: "a LoRA (kohya names)". */
export interface FileIdentity {
  readonly kind: FileKind
  readonly detail: string
  /** The model it is, or is for; null where the header does not say. */
  readonly base: BaseModel | null
}

/**
 * Says what a safetensors file is, by its header alone: its tensors' names, and for the base model the width of the
 * text that it reads. No tensor is read, so a wrong file of any size is told apart at once.
 */
export function identify(header: Pick<SafetensorsHeader, "tensors">): FileIdentity {
  const { seen, contextDim } = survey(header.tensors)
  const holds = ({ any, all, none }: KindRule): boolean =>
    (any === undefined || any.some((pattern) => seen.has(pattern))) &&
    (all === undefined || all.every((pattern) => seen.has(pattern))) &&
    !none?.some((pattern) => seen.has(pattern))
  const rule = KIND_RULES.find(holds)
  if (rule !== undefined) {
    const { kind, detail, base = null } = rule
    return { kind, detail, base: base === "by-text" ? baseOfText(contextDim) : base }
  }
  const [only, ...more] = firstTensors(header.tensors, 2)
  if (only === undefined) return { kind: "empty", detail: "a safetensors file without tensors", base: null }
  if (more.length === 0 && isEmbedding(only)) {
    return {
      kind: "textual-inversion",
      detail: "a textual inversion (diffusers names)",
      base: baseOfText(only.shape.at(-1)),
    }
  }
  return { kind: "unknown", detail: `an unknown kind of file; its first tensor is ${show(only.name)}`, base: null }
}

/** Which patterns of the rules some name matches, in one walk over names that may be millions. */
function survey(tensors: ReadonlyMap<string, TensorInfo>): {
  seen: ReadonlySet<string>
  contextDim: number | undefined
} {
  const seen = new Set<string>()
  let waiting = PATTERNS
  let contextName: string | undefined
  for (const name of tensors.keys()) {
    const found = waiting.filter(({ matches }) => matches(name))
    if (found.length > 0) {
      for (const { pattern } of found) seen.add(pattern)
      waiting = waiting.filter(({ pattern }) => !seen.has(pattern))
    }
    // Cross-attention's keys are made from the text: their last axis is as wide as the text encoder's output.
    if (contextName === undefined && CROSS_ATTENTION_KEY.test(name)) contextName = name
  }
  return { seen, contextDim: contextName === undefined ? undefined : tensors.get(contextName)?.shape[1] }
}

const CROSS_ATTENTION_KEY =
  /attn2[._](?:processor\.)?to_k(?:_lora\.down|\.lora_down|\.lora_A|_ip)?\.(?:default\.)?weight$|to_k_ip\.weight$/

const PATTERNS = [...new Set(KIND_RULES.flatMap(({ any = [], all = [], none = [] }) => [...any, ...all, ...none]))].map(
  (pattern) => ({
    pattern,
    matches: pattern.startsWith("^")
      ? (name: string): boolean => name.startsWith(pattern.slice(1))
      : (name: string): boolean => name.includes(pattern),
  }),
)

function baseOfText(width: number | undefined): BaseModel | null {
  switch (width) {
    case 768:
      return "sd1"
    case 1024:
      return "sd2"
    case 2048:
      return "sdxl"
    default:
      return null
  }
}

/** Diffusers saves an embedding as its one tensor, named after the token. */
function isEmbedding({ shape }: TensorInfo): boolean {
  const width = shape.at(-1)
  return shape.length <= 2 && (width === 768 || width === 1024 || width === 1280)
}

function firstTensors(tensors: ReadonlyMap<string, TensorInfo>, count: number): TensorInfo[] {
  const first: TensorInfo[] = []
  for (const info of tensors.values()) if (first.push(info) === count) break
  return first
}
