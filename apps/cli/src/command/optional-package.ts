import { UsageError } from "../terminal/errors.ts"

/**
 * Loads what needs a package that is installed apart.
 *
 * @param name the package
 * @param what is in it, for the error
 * @throws UsageError `package-missing` when it is not installed
 */
export async function withPackage<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND"
    if (!isMissing || !cause.message.includes(name)) throw cause
    throw new UsageError(
      "package-missing",
      `the package of ${what} is not installed. Type: npm install ${name} (with --global, if lllite was installed so).`,
      { cause },
    )
  }
}
