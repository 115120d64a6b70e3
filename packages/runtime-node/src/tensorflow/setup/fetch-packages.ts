import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { cp, mkdir, readFile, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { TFJS_VERSION } from "../../backends/names.ts"
import { InputError } from "../../errors.ts"
import { lastLines, runCommand } from "../../processes/run-command.ts"
import { packageFolder } from "../installation.ts"

/** A package of the npm registry, by its content. */
interface PinnedPackage {
  readonly name: string
  readonly version: string
  readonly sha512: string
}

/** The binding's sources and the JavaScript that drives it. */
const TFJS_NODE: PinnedPackage = {
  name: "@tensorflow/tfjs-node",
  version: TFJS_VERSION,
  sha512: "uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==",
}

const NODE_API_HEADERS: PinnedPackage = {
  name: "node-api-headers",
  version: "1.9.0",
  sha512: "2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==",
}

export interface FetchOptions {
  /** A folder that may hold npm's archives already. */
  readonly given: string | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Puts tfjs-node's package into `folder`: the one that is installed beside this, if any, or npm's. Its install script,
 * which would download a TensorFlow of its own, is not run.
 *
 * @throws InputError when it can be got from nowhere
 */
export async function fetchTfjsNode(folder: string, options: FetchOptions): Promise<void> {
  const installed = packageFolder(TFJS_NODE.name)
  if (installed !== null && (await versionOf(installed)) === TFJS_VERSION && existsSync(join(installed, "binding"))) {
    for (const part of ["package.json", "binding", "dist"]) {
      await cp(join(installed, part), join(folder, part), { recursive: true, dereference: true })
    }
    return
  }
  await fetchPackage(TFJS_NODE, folder, options)
}

/** Folder of Node-API's headers: Node's own, where it came with them, or npm's, put into `folder`. */
export async function nodeHeaders(folder: string, options: FetchOptions): Promise<string> {
  const own = join(dirname(dirname(process.execPath)), "include", "node")
  if (existsSync(join(own, "node_api.h"))) return own
  await fetchPackage(NODE_API_HEADERS, folder, options)
  return join(folder, "include")
}

async function fetchPackage(pinned: PinnedPackage, folder: string, options: FetchOptions): Promise<void> {
  const { name, version } = pinned
  const { given, signal } = options
  const file = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`
  const work = `${folder}.fetch`
  await mkdir(work, { recursive: true })
  try {
    const offered = given === undefined ? null : join(given, file)
    const archive = offered !== null && existsSync(offered) ? offered : await packed(pinned, work, file, signal)
    const found = createHash("sha512")
      .update(await readFile(archive))
      .digest("base64")
    if (found !== pinned.sha512) {
      throw new InputError(
        `setup tensorflow: "${archive}" is not ${name} ${version} as it was published: its SHA-512 is ${found}, expected ${pinned.sha512}. Fetch it again, from the npm registry.`,
      )
    }
    const unpacked = await runCommand("tar", ["-xzf", archive, "-C", work], { signal })
    if (unpacked.code !== 0) {
      throw new InputError(`setup tensorflow: tar could not unpack "${archive}". It said:\n${lastLines(unpacked)}`)
    }
    await rename(join(work, "package"), folder)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function packed(
  { name, version }: PinnedPackage,
  folder: string,
  file: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const args = ["pack", `${name}@${version}`, "--ignore-scripts", "--pack-destination", folder]
  const result = await runCommand("npm", args, { signal })
  if (result.code === 0) return join(folder, file)
  const reason = result.missing ? "npm was not found." : `npm said:\n${lastLines(result)}`
  throw new InputError(
    `setup tensorflow: ${name} ${version} is needed and could not be fetched. Put ${file}, from the npm registry, into the folder of wheels. ${reason}`,
    { code: "setup-package" },
  )
}

async function versionOf(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { readonly version: string }
  return version
}
