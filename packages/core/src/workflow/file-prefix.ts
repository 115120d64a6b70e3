import type { Graph, GraphNode } from "./graph.ts"

/**
 * The beginning of the names of a node's pictures. Values of other nodes stand in it as `%NODE.FIELD%`, by the title or
 * the class of a node. Other names between percent signs, such as `%date%`, stay. Null: the node has none.
 *
 * Source: ComfyUI's page, `applyTextReplacements`.
 */
export function filePrefix(output: GraphNode, graph: Graph): string | null {
  const input = output.inputs.get("filename_prefix")
  if (input?.kind !== "value" || typeof input.value !== "string" || input.value.trim() === "") return null
  return input.value.replaceAll(/%([^%.]+)\.([^%.]+)%/g, (whole, name: string, field: string) => {
    const nodes = [...graph.values()]
    const node = nodes.find(({ title }) => title === name) ?? nodes.find(({ type }) => type === name)
    const value = node?.inputs.get(field)
    const isShown = value?.kind === "value" && ["string", "number", "boolean"].includes(typeof value.value)
    return isShown ? String(value.value) : whole
  })
}
