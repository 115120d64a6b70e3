import { isApiGraph, readApiGraph } from "./api-graph.ts"
import type { Graph } from "./graph.ts"
import { entriesOf, notWorkflow } from "./graph.ts"
import { readUiFile } from "./ui-file.ts"
import { flattenUiFile } from "./ui-graph.ts"

/** The form of a file: as ComfyUI's page saves it, or as its server runs it. */
export type WorkflowForm = "ui" | "api"

/**
 * The graph of a workflow in either of ComfyUI's forms.
 *
 * @throws CoreError if the JSON is not a workflow
 */
export function readGraph(json: unknown): { readonly form: WorkflowForm; readonly graph: Graph } {
  const entries = entriesOf(json)
  if (entries === null) throw notWorkflow("expected an object. Is it the JSON of a workflow?")
  if (Array.isArray(entries.get("nodes"))) return { form: "ui", graph: flattenUiFile(readUiFile(entries)) }
  // A request to ComfyUI's server has the graph under "prompt".
  const prompt = entriesOf(entries.get("prompt"))
  const graph = isApiGraph(entries) ? entries : prompt !== null && isApiGraph(prompt) ? prompt : null
  if (graph === null) {
    throw notWorkflow(
      'it has no nodes. Expected a list "nodes" (Save in ComfyUI), or nodes with a class_type (Export API).',
    )
  }
  return { form: "api", graph: readApiGraph(graph) }
}
