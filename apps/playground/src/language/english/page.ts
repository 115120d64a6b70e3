import { type NumberRange, rangeText } from "@lllite/core/names"
import { listed } from "./counted.ts"

/** Words of the whole page: its bar, its fields, and what all panels say. */
export const page = {
  title: "LLLite playground",
  /** What stands between two sentences. */
  space: " ",
  /** Several short texts as one, as in a summary. */
  list: listed,
  language: "Language",
  parts: "Parts of the page",
  draw: "Draw",
  train: "Train",
  files: "Files",
  loading: "Loading …",
  partNotLoaded: (cause: string): string => `This part of the page could not be loaded: ${cause}. Reload the page.`,
  remove: "Remove",
  removeNamed: (name: string): string => `Remove ${name}`,
  removed: (name: string): string => `${name} is removed.`,
  stop: "Stop",
  close: "Close",
  hide: "Hide the message",
  undo: "Undo",
  /** The name of the button for those who do not see the change. */
  undoNamed: (change: string): string => `Undo: ${change}`,
  /** @param what of `range` and its like */
  expected: (what: string): string => `Expected ${what}.`,
  range: (range: NumberRange): string => rangeText(range),
  seedRange: (largest: string): string => `a whole number from 0 to ${largest}`,
  /** What a package or the browser says of a failure. English has its own words. */
  failure: (_code: string | null, english: string): string => english,
  /** What a package says beside a result. */
  remark: (english: string): string => english,
  /** Whether `remark` says it. Otherwise the words of the package stand below. */
  knowsRemark: (_english: string): boolean => true,
  modelNotReady: (name: string): string =>
    `"${name}" is not used: the model is not ready yet. Open it again in a moment.`,
  /** @param name null: it is not known */
  unreadable: (name: string | null): string =>
    `${name === null ? "A file" : `"${name}"`} cannot be read. It is a folder, or it has changed since it was opened. Open a file, or open it again.`,
  unknownBackend: (name: string): string =>
    `The address names the backend "${name}", expected webgpu or wasm. The best one is used.`,
  unknownPrecision: (name: string): string =>
    `The address names the precision "${name}", expected F32 or F16. F32 is used.`,
  noFloat16: "The address names the precision F16, which needs WebGPU. WebAssembly computes in float32.",
  serverAnswered: (status: number, address: string): string => `The server answered ${status} to ${address}.`,
  otherAnswer: "the page's worker gave another answer. Reload the page.",
  noCanvas: "this browser gives the page no canvas. Reload the page, or use another browser.",
}
