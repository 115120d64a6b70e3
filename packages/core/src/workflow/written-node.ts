import type { NodeTypeName } from "./node-types.ts"

/** A node to write: what each input has, a value or an output of another node. */
export interface WrittenNode {
  readonly type: NodeTypeName
  readonly title: string
  readonly inputs: Readonly<Record<string, unknown>>
}

/** An output of a node that is written, by the node's number. */
export interface WrittenLink {
  readonly node: number
  readonly slot: number
}
