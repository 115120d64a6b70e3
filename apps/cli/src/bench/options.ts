import type { OptionTable } from "@lllite/runtime-node/options"
import { flag, number, numbers } from "@lllite/runtime-node/options"
import { JSON_OPTION } from "../lllite-file/output-options.ts"
import { RUNTIME_OPTIONS } from "../model/runtime-options.ts"

/** Options of `bench`. */
export const BENCH_OPTIONS = {
  ...RUNTIME_OPTIONS,
  backend: {
    ...RUNTIME_OPTIONS.backend,
    help: "Backend to measure.",
    otherwise: "every installed one but cpu, each in a process of its own",
  },
  size: numbers({
    integer: true,
    min: 64,
    max: 4096,
    otherwise: "512 1024",
    help: "Sides of SDXL's pictures in pixels, multiples of 32.",
  }),
  minutes: number({
    default: 2,
    min: 0.1,
    max: 1000,
    help: "Minutes for everything. What they do not reach is named, and not measured.",
  }),
  tiny: flag({ help: "Measure the tiny model alone." }),
  ...JSON_OPTION,
} satisfies OptionTable
