// A registry of npm that has this project's packages only, packed as they would be published. Package managers ask it for
// the scope @lllite, and npm's own registry for all else.
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"

/** Packs the built packages into a folder. Returns them by name: the manifest and the bytes of the archive. */
export function packPackages(root, folder) {
  const pnpm = join(root, "node_modules/.bin/pnpm")
  const filters = ["--filter", "./packages/*", "--filter", "./apps/cli"]
  execFileSync(pnpm, ["-r", ...filters, "pack", "--pack-destination", folder], { cwd: root, stdio: "pipe" })
  return new Map(
    readdirSync(folder).map((file) => {
      const path = join(folder, file)
      const manifest = JSON.parse(execFileSync("tar", ["-xzOf", path, "package/package.json"], { encoding: "utf8" }))
      return [manifest.name, { file, manifest, bytes: readFileSync(path) }]
    }),
  )
}

/** Serves packed packages. Returns the registry's address, which ends with a slash, and `close`. */
export async function serveRegistry(packages) {
  const server = createServer((request, response) => {
    const name = decodeURIComponent(request.url.slice(1))
    const archive = [...packages.values()].find(({ file }) => name === `archives/${file}`)
    if (archive !== undefined) {
      response.writeHead(200, { "content-type": "application/octet-stream" }).end(archive.bytes)
      return
    }
    const found = packages.get(name)
    if (found === undefined) {
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}')
      return
    }
    const { manifest, file, bytes } = found
    const dist = {
      tarball: `${address}archives/${file}`,
      shasum: createHash("sha1").update(bytes).digest("hex"),
      integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
    }
    // Some managers refuse versions of the last days.
    const long = "2020-01-01T00:00:00.000Z"
    const answer = {
      name,
      "dist-tags": { latest: manifest.version },
      versions: { [manifest.version]: { ...manifest, _id: `${name}@${manifest.version}`, dist } },
      time: { created: long, modified: long, [manifest.version]: long },
    }
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer))
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = `http://127.0.0.1:${server.address().port}/`
  return {
    address,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
