import { entriesOf, idOf, listOf, MOST_NODES, notWorkflow } from "./graph.ts"

/* ComfyUI's UI form as its file has it: nodes as they are drawn, lists of links, and definitions of subgraphs. */

/** What a node does when the workflow runs. */
export type NodeMode = "runs" | "muted" | "bypassed"

/** A node as it is drawn. */
export interface UiNode {
  readonly id: string
  readonly type: string
  readonly title: string | null
  readonly mode: NodeMode
  readonly inputs: readonly UiInput[]
  /** The types of its outputs. */
  readonly outputs: readonly string[]
  /** The values of its fields, in order, or by name. */
  readonly values: readonly unknown[] | ReadonlyMap<string, unknown>
}

export interface UiInput {
  readonly name: string
  readonly type: string
  /** The number of its link. Null: nothing is connected. */
  readonly link: string | null
  /** Whether it is a field, too. */
  readonly isField: boolean
}

/** Where a link begins and ends. */
export interface UiLink {
  readonly from: string
  readonly fromSlot: number
  readonly to: string
  readonly toSlot: number
}

/** A workflow or a subgraph. */
export interface UiGraph {
  readonly nodes: ReadonlyMap<string, UiNode>
  readonly links: ReadonlyMap<string, UiLink>
}

/** A subgraph, which instances in other graphs name by its id. */
export interface UiSubgraph extends UiGraph {
  /** The numbers that stand for its own inputs and outputs in its links. */
  readonly inputNode: string
  readonly outputNode: string
  readonly inputs: readonly { readonly name: string; readonly type: string }[]
}

/** A whole file. */
export interface UiFile {
  readonly main: UiGraph
  readonly subgraphs: ReadonlyMap<string, UiSubgraph>
}

/** The most links of one graph. */
const MOST_LINKS = 8 * MOST_NODES

/**
 * Reads a file in ComfyUI's UI form, of schema 0.4 and 1.
 *
 * @throws CoreError if it is not one, or has too many nodes
 */
export function readUiFile(entries: ReadonlyMap<string, unknown>): UiFile {
  const subgraphs = new Map<string, UiSubgraph>()
  for (const value of listOf(entriesOf(entries.get("definitions"))?.get("subgraphs"))) {
    const definition = entriesOf(value)
    const id = idOf(definition?.get("id"))
    if (definition === null || id === null) throw notWorkflow("a subgraph has no id")
    subgraphs.set(id, {
      ...graphOf(definition),
      inputNode: idOf(entriesOf(definition.get("inputNode"))?.get("id")) ?? "-10",
      outputNode: idOf(entriesOf(definition.get("outputNode"))?.get("id")) ?? "-20",
      inputs: listOf(definition.get("inputs")).map((input) => {
        const fields = entriesOf(input)
        return { name: textOf(fields?.get("name")), type: textOf(fields?.get("type")) }
      }),
    })
  }
  return { main: graphOf(entries), subgraphs }
}

function graphOf(entries: ReadonlyMap<string, unknown>): UiGraph {
  const nodes = new Map<string, UiNode>()
  const list = listOf(entries.get("nodes"))
  if (list.length > MOST_NODES) throw notWorkflow(`it has ${list.length} nodes, expected at most ${MOST_NODES}`)
  for (const value of list) {
    const node = nodeOf(value)
    if (nodes.has(node.id)) throw notWorkflow(`two nodes have the number ${node.id}`)
    nodes.set(node.id, node)
  }
  const links = new Map<string, UiLink>()
  const linkList = listOf(entries.get("links"))
  if (linkList.length > MOST_LINKS) throw notWorkflow(`it has ${linkList.length} links, expected at most ${MOST_LINKS}`)
  for (const value of linkList) {
    const link = linkOf(value)
    if (link !== null) links.set(...link)
  }
  return { nodes, links }
}

function nodeOf(value: unknown): UiNode {
  const node = entriesOf(value)
  const [id, type] = [idOf(node?.get("id")), node?.get("type")]
  if (node === null || id === null || typeof type !== "string") {
    throw notWorkflow("a node has no id or no type, expected both")
  }
  const [title, mode, values] = [node.get("title"), node.get("mode"), node.get("widgets_values")]
  return {
    id,
    type,
    title: typeof title === "string" ? title : null,
    mode: mode === 2 ? "muted" : mode === 4 ? "bypassed" : "runs",
    inputs: listOf(node.get("inputs")).map((input) => {
      const fields = entriesOf(input)
      const isField = entriesOf(fields?.get("widget")) !== null
      const name = textOf(fields?.get("name"))
      return { name, type: textOf(fields?.get("type")), link: idOf(fields?.get("link")), isField }
    }),
    outputs: listOf(node.get("outputs")).map((output) => textOf(entriesOf(output)?.get("type"))),
    values: Array.isArray(values) ? listOf(values) : (entriesOf(values) ?? []),
  }
}

/** Schema 0.4 has a list of numbers for each link, schema 1 and subgraphs have an object. */
function linkOf(value: unknown): readonly [string, UiLink] | null {
  const fields = entriesOf(value)
  const [id, from, fromSlot, to, toSlot] =
    fields === null
      ? listOf(value)
      : ["id", "origin_id", "origin_slot", "target_id", "target_slot"].map((key) => fields.get(key))
  const [link, origin, target] = [idOf(id), idOf(from), idOf(to)]
  if (link === null || origin === null || target === null) return null
  return [link, { from: origin, fromSlot: slotOf(fromSlot), to: target, toSlot: slotOf(toSlot) }]
}

function slotOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : ""
}
