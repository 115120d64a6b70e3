import type { NumberRange } from "../number-range.ts"
import type { ValueOf, WorkflowValue } from "./values.ts"

/** What a rule reads of its node. Each reader ends the rule if the value is missing or wrong. */
export interface NodeReader {
  readonly id: string
  /** An input that is the output of another node. */
  read<Type extends WorkflowValue["type"]>(input: string, type: Type): ValueOf<Type>
  /** The same, or null if nothing is connected. */
  readOptional<Type extends WorkflowValue["type"]>(input: string, type: Type): ValueOf<Type> | null
  has(input: string): boolean
  text(input: string): string
  number(input: string, range?: NumberRange): number
  flag(input: string): boolean
  /** One of some names. */
  choice<Name extends string>(input: string, names: readonly Name[]): Name
  /** A seed in digits. */
  seed(input: string): string
  /** A value of any kind. */
  plain(input: string): unknown
  /** Says what of the node is not followed. @param text a clause about the node */
  notice(text: string): void
  /** Ends the rule. @param problem a clause about the node */
  refuse(problem: string): never
}

/** What a node of a class gives: its outputs in order. */
export type NodeRule = (node: NodeReader) => readonly WorkflowValue[]
