import { InputError } from "../../errors.ts"
import type { CommandOptions } from "../../processes/run-command.ts"
import { runCommand } from "../../processes/run-command.ts"
import { VERSION_TIME } from "./limits.ts"

/** The programs that setup needs. Each was found and run once. */
export interface SetupTools {
  readonly python: string
  /** For example `3.11.7`. */
  readonly pythonVersion: string
  readonly compiler: string
}

/**
 * Finds Python with pip, and a C++ compiler. One error reports everything that is missing.
 *
 * @param python path or name of a Python; undefined looks for `python3` and `python`
 * @throws InputError with everything that is missing and how to install it; the signal's reason when aborted
 */
export async function findTools(
  python: string | undefined,
  options: Pick<CommandOptions, "environment" | "signal"> = {},
): Promise<SetupTools> {
  const problems: string[] = []
  const pythons = python === undefined ? ["python3", "python"] : [python]
  const foundPython = await firstThatRuns(
    pythons,
    ["-c", "import sys; print('.'.join(map(str, sys.version_info[:3])))"],
    options,
  )
  if (foundPython === null) {
    problems.push(
      python === undefined
        ? "Python 3 was not found. Install it, or give its path."
        : `The Python "${python}" cannot be run. Give the path of a Python 3.`,
    )
  } else {
    const pip = await runCommand(foundPython.program, ["-m", "pip", "--version"], { ...options, timeout: VERSION_TIME })
    if (pip.code !== 0) {
      problems.push(
        `${foundPython.program} has no pip. Install it (Debian and Ubuntu: apt install python3-pip; elsewhere: ${foundPython.program} -m ensurepip), or use another Python.`,
      )
    }
  }
  const pythonWorks = problems.length === 0
  const { CXX: cxx = "" } = options.environment ?? process.env
  const compilers = cxx === "" ? ["c++", "g++", "clang++"] : [cxx]
  const compiler = await firstThatRuns(compilers, ["--version"], options)
  if (compiler === null) {
    problems.push(
      cxx === ""
        ? "A C++ compiler was not found. Install one (Debian and Ubuntu: apt install g++; macOS: xcode-select --install), or set the environment variable CXX to its path."
        : `The environment variable CXX is "${cxx}", which cannot be run. Set it to the path of a C++ compiler.`,
    )
  }
  // A program that the signal has ended is not missing.
  options.signal?.throwIfAborted()
  if (foundPython === null || compiler === null || problems.length > 0) {
    throw new InputError(pythonWorks ? "setup-compiler" : "setup-python", `setup tensorflow: ${problems.join(" ")}`)
  }
  return { python: foundPython.program, pythonVersion: foundPython.output, compiler: compiler.program }
}

async function firstThatRuns(
  programs: readonly string[],
  args: readonly string[],
  options: CommandOptions,
): Promise<{ readonly program: string; readonly output: string } | null> {
  for (const program of programs) {
    const { code, stdout } = await runCommand(program, args, { ...options, timeout: VERSION_TIME })
    if (code === 0) return { program, output: stdout.trim() }
  }
  return null
}
