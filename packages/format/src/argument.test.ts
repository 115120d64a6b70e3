import { expect, it } from "vitest"
import { mergeLllites } from "./edit/merge.ts"
import { checkLllite } from "./health/check.ts"
import { identify } from "./identify/identify.ts"
import { readLllite } from "./lllite/read.ts"
import { parseLlliteMetadata } from "./modelspec/metadata.ts"
import { toSource } from "./source.ts"
import { serializeSafetensors } from "./write/safetensors.ts"

/** What a program without types may call. */
type Anything = (...args: readonly unknown[]) => unknown

it.each<readonly [string, unknown, readonly unknown[], string]>([
  ["a path", toSource, ["a.safetensors"], "the source is of the kind String, expected bytes"],
  ["null", toSource, [null], "the source is of the kind Null"],
  [
    "a promise of a file",
    identify,
    [Promise.resolve()],
    "the file is of the kind Promise, expected what openSafetensors",
  ],
  ["a promise of an LLLite", mergeLllites, [[{ file: Promise.resolve() }]], "the LLLite is of the kind Promise"],
  ["no list", mergeLllites, [undefined], "the files is of the kind Undefined, expected a list"],
  ["a plain object of tensors", serializeSafetensors, [{ a: 1 }], "tensors is of the kind Object, expected a Map"],
  [
    "a plain object of metadata",
    parseLlliteMetadata,
    [{ a: "b" }],
    "the metadata is of the kind Object, expected a Map",
  ],
])("refuses %s", (_, call, args, message) => {
  expect(() => (call as Anything)(...args)).toThrow(message)
})

it("refuses what is no LLLite in functions that return promises", async () => {
  await expect((checkLllite as Anything)(Promise.resolve())).rejects.toThrow("the LLLite is of the kind Promise")
  await expect((readLllite as Anything)(7)).rejects.toThrow("the source is of the kind Number")
})
