import type { Graph, GraphNode, NodeInput } from "./graph.ts"
import { MOST_NODES, notWorkflow } from "./graph.ts"
import { CONTROL_VALUES, nodeType } from "./node-types.ts"
import type { UiFile, UiGraph, UiLink, UiNode, UiSubgraph } from "./ui-file.ts"

/** How deep subgraphs may lie in subgraphs. */
const DEEPEST = 16

/** The most nodes that one link may pass, such as reroutes. */
const LONGEST_WAY = 512

/** Classes that show text and compute nothing. */
const NOTES = new Set(["Note", "MarkdownNote"])

/** Classes that hand on what they read. */
const REROUTES = new Set(["Reroute", "Reroute (rgthree)"])

/** A graph at the place where it runs: the workflow, or an instance of a subgraph. */
interface Scope {
  readonly graph: UiGraph
  /** Stands before the numbers of its nodes. */
  readonly prefix: string
  readonly instance: { readonly outer: Scope; readonly node: UiNode; readonly subgraph: UiSubgraph } | null
  readonly inner: Map<string, Scope>
}

/**
 * The nodes of a file that compute something. Reroutes, primitives, bypassed nodes and the borders of subgraphs are
 * replaced by what they hand on. Notes and muted nodes are left out. This is what ComfyUI's page sends to its server.
 *
 * @throws CoreError if links run in a circle through such nodes, or the file is too large
 */
export function flattenUiFile(file: UiFile): Graph {
  const nodes = new Map<string, GraphNode>()
  const main: Scope = { graph: file.main, prefix: "", instance: null, inner: new Map() }
  const visit = (scope: Scope, depth: number): void => {
    if (depth > DEEPEST) throw notWorkflow(`subgraphs lie deeper than ${DEEPEST} in each other`)
    for (const node of scope.graph.nodes.values()) {
      if (node.mode !== "runs" || NOTES.has(node.type) || REROUTES.has(node.type)) continue
      if (node.type === "PrimitiveNode") continue
      const subgraph = file.subgraphs.get(node.type)
      if (subgraph !== undefined) {
        visit(enter(scope, node, subgraph), depth + 1)
        continue
      }
      const id = scope.prefix + node.id
      if (nodes.size >= MOST_NODES) throw notWorkflow(`it has more than ${MOST_NODES} nodes with its subgraphs`)
      nodes.set(id, { id, type: node.type, title: node.title, inputs: inputsOf(file, scope, node) })
    }
  }
  visit(main, 0)
  return nodes
}

function enter(outer: Scope, node: UiNode, subgraph: UiSubgraph): Scope {
  const known = outer.inner.get(node.id)
  if (known !== undefined) return known
  const prefix = `${outer.prefix}${node.id}:`
  const scope: Scope = { graph: subgraph, prefix, instance: { outer, node, subgraph }, inner: new Map() }
  outer.inner.set(node.id, scope)
  return scope
}

/** What a node reads: the values of its fields, and over them its links. */
function inputsOf(file: UiFile, scope: Scope, node: UiNode): ReadonlyMap<string, NodeInput> {
  const inputs = new Map<string, NodeInput>()
  for (const [name, value] of fieldsOf(node)) inputs.set(name, { kind: "value", value })
  for (const { name, link, isField } of node.inputs) {
    if (link === null) continue
    const read = follow(file, scope, link)
    if (read !== null) inputs.set(name, read)
    // A link from a node that does not run leaves a field with its own value.
    else if (!isField) inputs.delete(name)
  }
  return inputs
}

/** The values of a node's fields by their names. The fields of an unknown class have no names. */
function fieldsOf(node: UiNode): ReadonlyMap<string, unknown> {
  const { values } = node
  if (!Array.isArray(values)) return values as ReadonlyMap<string, unknown>
  const fields = new Map<string, unknown>()
  let at = 0
  for (const [name, { isField, hasControl }] of Object.entries(nodeType(node.type)?.inputs ?? {})) {
    if (!isField || at >= values.length) continue
    fields.set(name, values[at])
    at += 1
    const next: unknown = values[at]
    if (hasControl === true && typeof next === "string" && CONTROL_VALUES.includes(next)) at += 1
  }
  return fields
}

/** The value or the output at the beginning of a link. Null: nothing that runs. */
function follow(file: UiFile, start: Scope, startLink: string): NodeInput | null {
  let scope = start
  let link: string | null = startLink
  for (let way = 0; way < LONGEST_WAY; way++) {
    const found: UiLink | undefined = link === null ? undefined : scope.graph.links.get(link)
    if (found === undefined) return null
    const { from, fromSlot } = found
    const { instance } = scope
    if (instance !== null && from === instance.subgraph.inputNode) {
      const outer = outerInput(instance, fromSlot)
      if (outer === null || outer.kind === "value") return outer
      scope = instance.outer
      link = outer.link
      continue
    }
    const node = scope.graph.nodes.get(from)
    if (node === undefined || node.mode === "muted") return null
    if (node.mode === "bypassed") {
      link = bypassed(node, fromSlot)
    } else if (REROUTES.has(node.type)) {
      link = node.inputs[0]?.link ?? null
    } else if (node.type === "PrimitiveNode") {
      const value = Array.isArray(node.values) ? (node.values[0] as unknown) : undefined
      return value === undefined ? null : { kind: "value", value }
    } else {
      const subgraph = file.subgraphs.get(node.type)
      if (subgraph === undefined) return { kind: "link", node: scope.prefix + node.id, slot: fromSlot }
      scope = enter(scope, node, subgraph)
      link = outputLink(subgraph, fromSlot)
      if (scope.prefix.split(":").length > DEEPEST + 1) throw notWorkflow("a subgraph contains itself")
    }
  }
  throw notWorkflow(`a link passes more than ${LONGEST_WAY} reroutes and bypassed nodes. Do they run in a circle?`)
}

/** What an instance gives to an input of its subgraph: a link in the outer graph, or the value of its field. */
function outerInput(
  { node, subgraph }: NonNullable<Scope["instance"]>,
  slot: number,
): { readonly kind: "link"; readonly link: string } | { readonly kind: "value"; readonly value: unknown } | null {
  const { name } = subgraph.inputs[slot] ?? {}
  const input = node.inputs.find((each) => each.name === name) ?? node.inputs[slot]
  if (input === undefined) return null
  if (input.link !== null) return { kind: "link", link: input.link }
  const { values } = node
  if (!input.isField || !Array.isArray(values)) return null
  const value: unknown = values[node.inputs.filter(({ isField }) => isField).indexOf(input)]
  return value === undefined || value === null ? null : { kind: "value", value }
}

/** The link inside of a subgraph that gives one of its outputs. */
function outputLink({ links, outputNode }: UiSubgraph, slot: number): string | null {
  for (const [id, link] of links) if (link.to === outputNode && link.toSlot === slot) return id
  return null
}

/** The link that a bypassed node hands on: the input of the output's type, if possible the one beside it. */
function bypassed({ inputs, outputs }: UiNode, slot: number): string | null {
  const type = outputs[slot] ?? "*"
  const fits = ({ type: of }: { readonly type: string }): boolean => of === type || of === "*" || type === "*"
  const beside = inputs[slot]
  const chosen = beside !== undefined && fits(beside) ? beside : inputs.find(fits)
  return chosen?.link ?? null
}
