import type { Graph, GraphNode, NodeInput } from "./graph.ts"
import { entriesOf, idOf, MOST_NODES, notWorkflow } from "./graph.ts"

/**
 * The graph of a file in ComfyUI's API form: an object of nodes by their numbers, each with its class and its inputs.
 *
 * @throws CoreError if an entry is not a node, or there are too many
 */
export function readApiGraph(entries: ReadonlyMap<string, unknown>): Graph {
  if (entries.size > MOST_NODES) throw notWorkflow(`it has ${entries.size} nodes, expected at most ${MOST_NODES}`)
  const graph = new Map<string, GraphNode>()
  for (const [id, value] of entries) {
    const node = entriesOf(value)
    const type = node?.get("class_type")
    if (node === null || typeof type !== "string") {
      throw notWorkflow(`node ${JSON.stringify(id.slice(0, 40))} has no class_type, expected the name of its class`)
    }
    const title = entriesOf(node.get("_meta"))?.get("title")
    const inputs = new Map<string, NodeInput>()
    for (const [name, input] of entriesOf(node.get("inputs")) ?? []) inputs.set(name, inputOf(input))
    graph.set(id, { id, type, title: typeof title === "string" ? title : null, inputs })
  }
  return graph
}

/** Whether an object is a workflow in the API form, by its first entry. */
export function isApiGraph(entries: ReadonlyMap<string, unknown>): boolean {
  const [first] = entries.values()
  return typeof entriesOf(first)?.get("class_type") === "string"
}

/** A list of a node's number and an output's is a link. Newer files wrap lists that are values. */
function inputOf(input: unknown): NodeInput {
  if (Array.isArray(input) && input.length === 2) {
    const [node, slot] = [idOf(input[0]), input[1] as unknown]
    if (node !== null && typeof slot === "number" && Number.isSafeInteger(slot)) return { kind: "link", node, slot }
  }
  return { kind: "value", value: entriesOf(input)?.get("__value__") ?? input }
}
