import { text } from "@lllite/runtime-node/options"
import { GENERATE_GROUPS, GENERATE_OPTIONS } from "../generate/options.ts"

/** The axes of a sheet. */
const AXES = {
  x: text({
    required: "what differs from column to column, such as strength=0,0.5,1",
    valueName: "name=values",
    help: 'What differs from column to column: an option of generate, or strength, start, end (of LLLites), size, prompt_sr, or a name of A1111\'s plot such as "CFG Scale". Values are separated by commas, and a value with a comma stands in double quotes. Ranges such as 1-5, 10-30 (+10) and 0-1 [5] are numbers. prompt_sr replaces its first value in the prompts by each value.',
  }),
  y: text({ valueName: "name=values", help: "What differs from row to row, written as --x." }),
}

/** All options of `grid`: its axes, and those of `generate`. */
export const GRID_OPTIONS = { ...AXES, ...GENERATE_OPTIONS }

/** The same by heading. */
export const GRID_GROUPS = [["Axes", AXES], ...GENERATE_GROUPS] as const
