// This entry loads nothing, so that it also loads in a Node that is too old for the others.

/** The oldest Node that the packages work with. */
export const OLDEST_NODE = "20.19.0"

/**
 * Why a version of Node is too old, as a sentence. Null if it is new enough.
 *
 * @param version as in `process.versions.node`
 */
export function nodeProblem(version: string): string | null {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const [leastMajor = 0, leastMinor = 0] = OLDEST_NODE.split(".").map(Number)
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return null
  return `this is Node ${version}, expected ${OLDEST_NODE} or newer. Install a newer Node: https://nodejs.org`
}
