import { isInRange, rangeText } from "../number-range.ts"
import { readSeed } from "../random/seed.ts"
import type { Graph, GraphNode } from "./graph.ts"
import { nodeName, shortText } from "./graph.ts"
import type { NodeReader } from "./node-rule.ts"
import type { NodeTypeName } from "./node-types.ts"
import { nodeType } from "./node-types.ts"
import { NODE_RULES } from "./rules/index.ts"
import type { ValueOf, WorkflowValue } from "./values.ts"

/** Ends a rule whose node cannot be followed. The problem is already kept. */
class NotFollowed extends Error {}

/** Values of a graph, found from the nodes that make pictures. */
export interface Evaluation {
  /** The value of a node's input. Null: it cannot be followed, and `problems` or `unknown` says why. */
  input<Type extends WorkflowValue["type"]>(node: GraphNode, name: string, type: Type): ValueOf<Type> | null
  readonly problems: ReadonlySet<string>
  readonly notices: ReadonlySet<string>
  /** Nodes whose class cannot be followed. */
  readonly unknown: ReadonlySet<GraphNode>
  /** Whether a node was read. */
  isRead(id: string): boolean
}

/** How many nodes may follow each other. More would fill the stack. */
const LONGEST_CHAIN = 400

/** Evaluates nodes when they are asked for. Every problem is kept, so that all are told at once. */
export function createEvaluation(graph: Graph): Evaluation {
  const problems = new Set<string>()
  const notices = new Set<string>()
  const unknown = new Set<GraphNode>()
  const done = new Map<string, readonly WorkflowValue[]>()
  const running = new Set<string>()

  const outputsOf = (node: GraphNode): readonly WorkflowValue[] => {
    const known = done.get(node.id)
    if (known !== undefined) return known
    const isCircle = running.has(node.id)
    if (isCircle) problems.add(`${nodeName(node)} reads its own output`)
    else if (running.size >= LONGEST_CHAIN)
      problems.add(`${nodeName(node)} follows after more than ${LONGEST_CHAIN} nodes`)
    else {
      running.add(node.id)
      const outputs = evaluate(node)
      running.delete(node.id)
      done.set(node.id, outputs)
      return outputs
    }
    return []
  }

  const evaluate = (node: GraphNode): readonly WorkflowValue[] => {
    const isKnown = Object.hasOwn(NODE_RULES, node.type)
    if (!isKnown) unknown.add(node)
    else {
      try {
        return NODE_RULES[node.type as NodeTypeName](readerOf(node))
      } catch (error) {
        if (!(error instanceof NotFollowed)) throw error
      }
    }
    // The rest of what it reads may have problems, too.
    for (const input of node.inputs.values()) {
      const source = input.kind === "link" ? graph.get(input.node) : undefined
      if (source !== undefined) outputsOf(source)
    }
    return []
  }

  const readerOf = (node: GraphNode): NodeReader => {
    const refuse = (problem: string): never => {
      problems.add(`${nodeName(node)} ${problem}`)
      throw new NotFollowed()
    }
    /** The output that an input is connected to. Null: it is not connected. */
    const linked = (name: string): WorkflowValue | null => {
      const input = node.inputs.get(name)
      if (input?.kind !== "link") return null
      const source = graph.get(input.node)
      if (source === undefined) return refuse(`reads ${name} from node ${input.node}, which is not there`)
      const value = outputsOf(source)[input.slot]
      if (value !== undefined) return value
      const type = nodeType(source.type)
      if (type !== null && input.slot >= type.outputs.length) {
        return refuse(`reads output ${input.slot} of ${nodeName(source)}, which has ${type.outputs.length}`)
      }
      throw new NotFollowed()
    }
    const optional = <Type extends WorkflowValue["type"]>(name: string, type: Type): ValueOf<Type> | null => {
      const value = linked(name)
      if (value === null) return null
      if (!isOfType(value, type)) return refuse(`reads ${value.type} as ${name}, expected ${type}`)
      return value
    }
    const plain = (name: string): unknown => {
      const value = linked(name)
      if (value !== null) return value.type === "VALUE" ? value.value : refuse(`reads ${value.type} as ${name}`)
      const input = node.inputs.get(name)
      if (input?.kind === "value") return input.value
      const fallback = nodeType(node.type)?.inputs[name]?.fallback
      return fallback === undefined ? refuse(`has no ${name}`) : fallback
    }
    const wrong = (name: string, value: unknown, expected: string): never => {
      const got = shortText(JSON.stringify(value) ?? String(value))
      return refuse(`has ${got} as ${name}, expected ${expected}`)
    }
    return {
      id: node.id,
      refuse,
      plain,
      notice: (text) => void notices.add(`${nodeName(node)} ${text}`),
      has: (name) => node.inputs.has(name),
      readOptional: optional,
      read: (name, type) =>
        optional(name, type) ?? refuse(`has nothing that runs connected to ${name}, expected ${type}`),
      text: (name) => {
        const value = plain(name)
        return typeof value === "string" ? value : wrong(name, value, "text")
      },
      number: (name, range = {}) => {
        const value = plain(name)
        return typeof value === "number" && isInRange(value, range) ? value : wrong(name, value, rangeText(range))
      },
      flag: (name) => {
        const value = plain(name)
        return typeof value === "boolean" ? value : wrong(name, value, "true or false")
      },
      choice: (name, names) => {
        const value = plain(name)
        return names.find((each) => each === value) ?? wrong(name, value, `one of ${names.join(", ")}`)
      },
      seed: (name) => {
        const value = plain(name)
        const seed = readSeed(value)
        return seed === null ? wrong(name, value, "a whole number from 0 to 2^64 - 1") : String(seed)
      },
    }
  }

  return {
    problems,
    notices,
    unknown,
    isRead: (id) => done.has(id),
    input: (node, name, type) => {
      try {
        return readerOf(node).read(name, type)
      } catch (error) {
        if (error instanceof NotFollowed) return null
        throw error
      }
    },
  }
}

function isOfType<Type extends WorkflowValue["type"]>(value: WorkflowValue, type: Type): value is ValueOf<Type> {
  return value.type === type
}
