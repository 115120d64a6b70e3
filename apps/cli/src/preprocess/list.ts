import { PREPROCESSOR_NAMES, preprocessorOf } from "@lllite/core/image"
import { entry } from "../command/help.ts"
import { describeKindOption } from "./options.ts"

/** All kinds with their options, for people. */
export function listKinds(): string {
  const kinds = PREPROCESSOR_NAMES.map((kind) => {
    const { help, options, aliases = [] } = preprocessorOf(kind)
    const also = aliases.length === 0 ? "" : ` (also ${aliases.join(", ")})`
    const lines = Object.entries(options).flatMap(([name, option]) =>
      entry(`  --${name}${typeof option.default === "boolean" ? "" : " <number>"}`, describeKindOption(option)),
    )
    return [`${kind}${also}`, ...entry("", help).map((line) => `  ${line.trimStart()}`), ...lines].join("\n")
  })
  return kinds.join("\n\n")
}
