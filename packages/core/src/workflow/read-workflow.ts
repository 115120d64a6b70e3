import { checkArgument } from "../argument.ts"
import { CoreError } from "../errors.ts"
import { countedNotice } from "../notice.ts"
import type { RecipeInput } from "../recipe/recipe.ts"
import { createEvaluation } from "./evaluate.ts"
import { filePrefix } from "./file-prefix.ts"
import type { GraphNode } from "./graph.ts"
import { nodeName } from "./graph.ts"
import { NODE_TYPES } from "./node-types.ts"
import { picturesOf } from "./picture.ts"
import { readGraph } from "./read-graph.ts"
import type { SizeOf } from "./stages.ts"
import { unsupportedNodes } from "./unsupported.ts"
import type { ImageValue } from "./values.ts"

/** What a workflow makes. */
export interface WorkflowPictures {
  /** One for each picture, in the order of the nodes that save them. Files have the names of the workflow. */
  readonly recipes: readonly RecipeInput[]
  /** The beginning of each picture's file name, as its node has it. Null: it has none. */
  readonly prefixes: readonly (string | null)[]
  /** The number of the node in which each picture ends. */
  readonly outputs: readonly string[]
  /** What is not followed, one sentence each. */
  readonly notices: readonly string[]
}

export interface WorkflowOptions {
  /** The size of a picture that the graph loads, by its name, for graphs that start from one. Default: none is known. */
  readonly sizeOf?: SizeOf
}

/** The nodes in which a workflow ends. */
const OUTPUTS = ["SaveImage", "PreviewImage"]

/**
 * Reads a workflow of ComfyUI, in the form of its page or of its server, as recipes. The graph is not run: its nodes are
 * followed from those that save pictures.
 *
 * @param json the parsed file, see `parseWorkflow`
 * @throws CoreError with all nodes and settings that cannot be followed
 */
export function readWorkflow(json: unknown, options: WorkflowOptions = {}): WorkflowPictures {
  checkArgument("workflow: the options", options, "an object")
  const { sizeOf = () => null } = options
  const { graph } = readGraph(json)
  const evaluation = createEvaluation(graph)
  const problems = new Set<string>()
  const notices = new Set<string>()
  const nameOf = (id: string): string => {
    const node = graph.get(id)
    return node === undefined ? `node ${id}` : nodeName(node)
  }
  const ends = [...graph.values()].filter(({ type }) => OUTPUTS.includes(type)).sort(byId)
  const runs = new Set<string>()
  const prefixes: (string | null)[] = []
  const outputs: string[] = []
  const recipes = ends.flatMap((output): readonly RecipeInput[] => {
    const image = evaluation.input(output, "images", "IMAGE")
    if (image === null) return []
    const decoded = decodedOf(image)
    if (decoded === null) {
      notices.add(`${nodeName(output)} shows a picture that no sampler makes, and is left out.`)
      return []
    }
    if (decoded !== image)
      notices.add(`${nodeName(output)} changes the finished picture. It is left as the sampler makes it.`)
    const { latents } = decoded
    // A preview often shows what is saved, too.
    const run = latents.made === "sampled" ? latents.run.node : output.id
    if (runs.has(run)) return []
    runs.add(run)
    const made = picturesOf(decoded, nameOf, sizeOf, (problem) => void problems.add(problem))
    for (const notice of made?.notices ?? []) notices.add(notice)
    for (const _ of made?.recipes ?? []) {
      prefixes.push(filePrefix(output, graph))
      outputs.push(output.id)
    }
    return made?.recipes ?? []
  })
  const unread = [...graph.values()].filter(({ id, type }) => !evaluation.isRead(id) && !OUTPUTS.includes(type))
  const unknown =
    recipes.length === 0 ? [...new Set([...evaluation.unknown, ...unread.filter(isUnknown)])] : [...evaluation.unknown]
  const all = [
    ...(unknown.length === 0 ? [] : [unsupportedNodes(unknown)]),
    ...evaluation.problems,
    ...problems,
    ...(ends.length === 0 ? ["there is no SaveImage or PreviewImage that runs, where a picture would end"] : []),
  ]
  if (all.length > 0) {
    throw new CoreError("workflow-unsupported", `workflow: ${sentences(all)}`)
  }
  if (recipes.length === 0) {
    throw new CoreError("workflow-unsupported", "workflow: no picture that it saves is made by a sampler")
  }
  for (const notice of countedNotice(
    unread.map(nodeName),
    "nodes",
    (subject, isOne) => `${subject} ${isOne ? "leads" : "lead"} to no picture and ${isOne ? "is" : "are"} left out.`,
  )) {
    notices.add(notice)
  }
  for (const notice of evaluation.notices) notices.add(`${notice}.`)
  return { recipes, prefixes, outputs, notices: [...notices] }
}

/** Problems as sentences behind a colon: `the first. The second.` */
function sentences(problems: readonly string[]): string {
  return problems.map((text, i) => `${i === 0 ? text : text.charAt(0).toUpperCase() + text.slice(1)}.`).join(" ")
}

function isUnknown({ type }: GraphNode): boolean {
  return !Object.hasOwn(NODE_TYPES, type)
}

/** The decoded picture behind changes of a finished one. Null: nothing is decoded. */
function decodedOf(image: ImageValue): (ImageValue & { readonly made: "decoded" }) | null {
  if (image.made === "decoded") return image
  return image.made === "loaded" ? null : decodedOf(image.image)
}

/** ComfyUI's numbers first, by their size. */
function byId(a: GraphNode, b: GraphNode): number {
  return Number(a.id) - Number(b.id) || (a.id < b.id ? -1 : 1)
}
