import { OPTIMIZER_TYPES, optimizerOfType } from "@lllite/core/names"
import type { OptionKind, TakenOption } from "@lllite/runtime-node/options"
import { taken } from "@lllite/runtime-node/options"

/** A name of sd-scripts' `optimizer_type`, as the user wrote it. */
export function optimizerType(): TakenOption<string> {
  const expected = `one of ${OPTIMIZER_TYPES.join(", ")}`
  const kind: OptionKind<string> = {
    arity: "one",
    valueName: "name",
    empty: "adamw",
    read: (raw) => (typeof raw === "string" && optimizerOfType(raw) !== null ? { value: raw } : { expected }),
  }
  return taken(kind, {
    default: "adamw",
    nothing: [""],
    help: `Optimizer: the method that changes the weights. Values: ${OPTIMIZER_TYPES.join(", ")}. Modules of Python may stand before a name.`,
  })
}

/** Arguments of an optimizer as sd-scripts takes them: `eps=1e-6`, `betas=0.9,0.99`. They are read with its name. */
export function optimizerArgs(): TakenOption<readonly string[]> {
  return pythonArguments({
    otherwise: "the optimizer's own",
    help: "Numbers and switches of the optimizer, by the names of its Python class: betas=0.9,0.99 weight_decay=0.1.",
  })
}

/** A list of `name=value`, whose meaning depends on another option. */
export function pythonArguments(spec: {
  readonly help: string
  readonly otherwise: string
}): TakenOption<readonly string[]> {
  const kind: OptionKind<readonly string[]> = {
    arity: "many",
    valueName: "name=value",
    empty: [],
    read(raw) {
      const entries: readonly unknown[] = Array.isArray(raw) ? raw : [raw]
      const expected = "name=value"
      const wrong = entries.flatMap((part) => (typeof part === "string" ? [] : [{ part, expected }]))
      return wrong.length === 0 ? { value: entries as readonly string[] } : { expected, parts: wrong }
    },
  }
  return taken(kind, { default: [], ...spec })
}
