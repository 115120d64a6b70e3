import { checkArgument } from "../argument.ts"
import type { Recipe } from "../recipe/recipe.ts"
import type { InputType } from "./node-types.ts"
import { nodeType } from "./node-types.ts"
import { recipeGraph } from "./recipe-graph.ts"
import type { WrittenLink, WrittenNode } from "./written-node.ts"

/** A workflow as ComfyUI's server runs it. */
export type ApiWorkflow = Readonly<
  Record<
    string,
    {
      readonly class_type: string
      readonly inputs: Readonly<Record<string, unknown>>
      readonly _meta: { readonly title: string }
    }
  >
>

/** A workflow as ComfyUI's page opens it, of schema 0.4. */
export interface UiWorkflow {
  readonly last_node_id: number
  readonly last_link_id: number
  readonly nodes: readonly Readonly<Record<string, unknown>>[]
  /** Number, node and output where it begins, node and input where it ends, type. */
  readonly links: readonly (readonly [number, number, number, number, number, string])[]
  readonly groups: readonly []
  readonly config: object
  readonly extra: object
  readonly version: 0.4
}

/** Both forms of a workflow, and what it cannot say of the recipe, one sentence each. */
export interface WrittenWorkflow {
  readonly ui: UiWorkflow
  readonly api: ApiWorkflow
  readonly notices: readonly string[]
}

/**
 * Writes a recipe as a workflow of ComfyUI, with kohya's node for LLLites. Files have the paths of the recipe, so
 * `shareableRecipe` comes first.
 */
export function writeWorkflow(recipe: Recipe): WrittenWorkflow {
  checkArgument("recipe", recipe, "an object")
  checkArgument("recipe: model", recipe.model, "an object")
  const { nodes, notices } = recipeGraph(recipe)
  return { ui: uiForm(nodes), api: apiForm(nodes), notices }
}

function apiForm(nodes: ReadonlyMap<number, WrittenNode>): ApiWorkflow {
  const entries = [...nodes].map(([id, { type, title, inputs }]) => {
    const values = inputsOf(type).flatMap(([name, { isField, fallback }]) => {
      const value = inputs[name]
      if (isLink(value)) return [[name, [String(value.node), value.slot]] as const]
      return isField ? [[name, value ?? fallback] as const] : []
    })
    return [String(id), { class_type: type, inputs: Object.fromEntries(values), _meta: { title } }] as const
  })
  return Object.fromEntries(entries)
}

/** Pixels between nodes, which lie in columns by how many nodes come before them. */
const [COLUMN, ROW, NODE_WIDTH] = [440, 260, 380]

function uiForm(nodes: ReadonlyMap<number, WrittenNode>): UiWorkflow {
  const links: [number, number, number, number, number, string][] = []
  const columns = new Map<number, number>()
  const rows = new Map<number, number>()
  const drawn = [...nodes].map(([id, { type, title, inputs }]) => {
    const { outputs = [] } = nodeType(type) ?? {}
    const sources = Object.values(inputs).filter(isLink)
    const column = Math.max(0, ...sources.map(({ node }) => 1 + (columns.get(node) ?? 0)))
    const row = rows.get(column) ?? 0
    columns.set(id, column)
    rows.set(column, row + 1)
    const sockets = inputsOf(type).filter(([name, { isField }]) => !isField && isLink(inputs[name]))
    const drawnInputs = sockets.map(([name, input], slot) => {
      const from = inputs[name] as WrittenLink
      links.push([links.length + 1, from.node, from.slot, id, slot, input.type])
      return { name, type: input.type, link: links.length }
    })
    const values = inputsOf(type).flatMap(([name, { isField, fallback, hasControl }]): readonly unknown[] => {
      if (!isField) return []
      return [inputs[name] ?? fallback, ...(hasControl === true ? ["fixed"] : [])]
    })
    return {
      ...{
        id,
        type,
        title,
        pos: [column * COLUMN, row * ROW],
        size: [NODE_WIDTH, 60 + 26 * (values.length + sockets.length)],
      },
      ...{ flags: {}, order: id - 1, mode: 0, inputs: drawnInputs, outputs },
      properties: { "Node name for S&R": type },
      widgets_values: values,
    }
  })
  return {
    ...{ last_node_id: nodes.size, last_link_id: links.length, links },
    nodes: drawn.map((node) => ({ ...node, outputs: outputsOf(node.id, node.outputs, links) })),
    ...{ groups: [], config: {}, extra: {}, version: 0.4 },
  }
}

function outputsOf(
  id: number,
  types: readonly string[],
  links: readonly (readonly [number, number, number, number, number, string])[],
): readonly object[] {
  return types.map((type, slot) => ({
    ...{ name: type, type, slot_index: slot },
    links: links.flatMap(([link, from, fromSlot]) => (from === id && fromSlot === slot ? [link] : [])),
  }))
}

function inputsOf(type: string): readonly (readonly [string, InputType])[] {
  return Object.entries(nodeType(type)?.inputs ?? {})
}

function isLink(value: unknown): value is WrittenLink {
  return typeof value === "object" && value !== null && "slot" in value
}
