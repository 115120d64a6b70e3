import { expectControlNet } from "../controlnet/read.ts"
import { expectLllite } from "./expect-lllite.ts"
import { identify } from "./identify.ts"
import type { FileKind } from "./kind-rules.ts"

/** The kinds of files that follow a control picture. */
export type ControlFileKind = "lllite" | "controlnet"

/**
 * The kind of a file that follows a control picture: an LLLite or a ControlNet for SDXL.
 *
 * @throws FormatError `wrong-kind` that names what the file is instead, with the way out
 */
export function controlFileKind(file: Parameters<typeof expectLllite>[0]): ControlFileKind {
  const { kind } = identify(file)
  // T2I-Adapters and IP-Adapters are refused by the rules of ControlNets, which name them.
  if (NEAR_CONTROLNETS.has(kind)) {
    expectControlNet(file)
    return "controlnet"
  }
  expectLllite(file)
  return "lllite"
}

const NEAR_CONTROLNETS: ReadonlySet<FileKind> = new Set([
  "controlnet",
  "controlnet-xs",
  "control-lora",
  "t2i-adapter",
  "ip-adapter",
])
