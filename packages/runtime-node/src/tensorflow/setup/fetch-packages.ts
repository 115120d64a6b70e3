import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { cp, readFile, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { TFJS_VERSION } from "../../backends/names.ts"
import { InputError } from "../../errors.ts"
import { openFolder } from "../../files/make-folder.ts"
import { readSmallFile } from "../../files/regular-file.ts"
import { lastLines, runCommand } from "../../processes/run-command.ts"
import { packageFolder } from "../installation.ts"
import { NETWORK_SILENCE } from "./limits.ts"

/** A package of the npm registry, with the hash of its archive. */
interface PinnedPackage {
  readonly name: string
  readonly version: string
  readonly sha512: string
}

/** More than the archives of both packages. */
const MOST_ARCHIVE_BYTES = 2 ** 27

/** The sources of the binding, and the JavaScript that calls it. */
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
  /** A folder that may hold npm's archives. Undefined without one. */
  readonly archiveDir: string | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Puts tfjs-node's package into `folder`: a copy of the installed one, or else npm's. The install script of the package
 * is not run, since it would download another TensorFlow.
 *
 * @throws InputError when neither is available
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

/** Folder of Node-API's headers: those of the installed Node, or else npm's, which are put into `folder`. */
export async function nodeHeaders(folder: string, options: FetchOptions): Promise<string> {
  const installed = join(dirname(dirname(process.execPath)), "include", "node")
  if (existsSync(join(installed, "node_api.h"))) return installed
  await fetchPackage(NODE_API_HEADERS, folder, options)
  return join(folder, "include")
}

async function fetchPackage(pinned: PinnedPackage, folder: string, options: FetchOptions): Promise<void> {
  const { name, version } = pinned
  const { archiveDir, signal } = options
  const file = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`
  const work = `${folder}.fetch`
  await openFolder(work)
  try {
    const local = archiveDir === undefined ? null : join(archiveDir, file)
    const archive = local !== null && existsSync(local) ? local : await packed(pinned, work, file, signal)
    const found = createHash("sha512")
      .update(await readSmallFile(archive, MOST_ARCHIVE_BYTES, "this archive"))
      .digest("base64")
    if (found !== pinned.sha512) {
      throw new InputError(
        "setup-checksum",
        `setup tensorflow: "${archive}" is not the published ${name} ${version}. Its SHA-512 is ${found}, expected ${pinned.sha512}. Download it again from the npm registry.`,
      )
    }
    const unpacked = await runCommand("tar", ["-xzf", archive, "-C", work], { signal })
    if (unpacked.code !== 0) {
      throw new InputError(
        "setup-unpack",
        `setup tensorflow: tar could not unpack "${archive}". Its output:\n${lastLines(unpacked)}`,
      )
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
  const limits = ["--fetch-timeout", String(NETWORK_SILENCE), "--fetch-retries", "2"]
  const args = ["pack", `${name}@${version}`, "--ignore-scripts", "--pack-destination", folder, ...limits]
  const result = await runCommand("npm", args, { signal })
  if (result.code === 0) return join(folder, file)
  const reason = result.missing ? "npm was not found." : `Output of npm:\n${lastLines(result)}`
  throw new InputError(
    "setup-package",
    `setup tensorflow: ${name} ${version} is needed and could not be downloaded. Put ${file} from the npm registry into the folder of wheels. ${reason}`,
  )
}

async function versionOf(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { readonly version: string }
  return version
}
