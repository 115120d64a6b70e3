import { safeText } from "@lllite/format"
import { CoreError } from "../errors.ts"

/* A graph of ComfyUI, in the one form to which both of its files are brought. */

/** What a node reads: a value that is written in the file, or the output of another node. */
export type NodeInput =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "link"; readonly node: string; readonly slot: number }

/** A node that computes something. */
export interface GraphNode {
  /** Its number. A node inside of a subgraph has the numbers of its instances before its own: `12:3`. */
  readonly id: string
  /** The name of its class, such as `KSampler`. */
  readonly type: string
  /** The name that the user gave it. Null: none. */
  readonly title: string | null
  readonly inputs: ReadonlyMap<string, NodeInput>
}

/** Nodes by their numbers, in the order of the file. */
export type Graph = ReadonlyMap<string, GraphNode>

/** The most nodes of a graph that is read. */
export const MOST_NODES = 4096

/** An error about a file that is not a workflow, or whose graph is broken. */
export function notWorkflow(problem: string): CoreError {
  return new CoreError("workflow-syntax", `workflow: ${problem}`)
}

/** A node for messages: `KSampler #17`, with its title if it has one. */
export function nodeName({ type, id, title }: Pick<GraphNode, "type" | "id" | "title">): string {
  return `${shortText(type)} #${shortText(id)}${title === null || title === type ? "" : ` (${shortText(title)})`}`
}

/** Text of a file for a message: one line, cut if it is long. */
export function shortText(text: string): string {
  const line = safeText(text.replaceAll(/\s+/g, " ").trim())
  return line.length <= 60 ? line : `${line.slice(0, 60)}…`
}

/** An object of JSON as a map. Null for any other value. */
export function entriesOf(value: unknown): ReadonlyMap<string, unknown> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null
  return new Map<string, unknown>(Object.entries(value))
}

/** A list of JSON. Empty for any other value. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A node's number as text. Null for a value that is none. */
export function idOf(value: unknown): string | null {
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value)
  return typeof value === "string" && value !== "" && value.length <= 200 ? value : null
}
