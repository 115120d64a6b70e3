#!/usr/bin/env node
// Runs before a package is published (`prepublishOnly`). Only pnpm replaces `workspace:` and `catalog:` by versions: what
// npm or yarn would publish cannot be installed. The address of the repository must be where the packages come from.
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const { name, repository } = JSON.parse(readFileSync("package.json", "utf8"))
// biome-ignore lint/suspicious/noUndeclaredEnvVars: package managers set it, and no task of turbo reads it
const agent = process.env.npm_config_user_agent ?? ""
if (!agent.startsWith("pnpm/")) {
  refuse(
    `${agent.split("/")[0] || "this program"} would publish an archive that cannot be installed. Type: pnpm publish`,
  )
}
const origin = remote()
const home = repository.url.replace(/^git\+|\.git$/g, "")
if (pathOf(origin) !== pathOf(home)) {
  refuse(`package.json names ${home} as its repository, and origin is ${origin || "not set"}. Correct one of them.`)
}

function remote() {
  try {
    const [, , address] = /(^|\n)origin\s+(\S+)/.exec(execFileSync("git", ["remote", "-v"], { encoding: "utf8" })) ?? []
    // A password or token in the address is not for the screen.
    return (address ?? "").replace(/\/\/[^/@]*@/, "//")
  } catch {
    return ""
  }
}

function pathOf(address) {
  return address
    .replace(/^(ssh:\/\/)?git@/, "https://")
    .replace(/^(https:\/\/[^/:]+):/, "$1/")
    .replace(/\.git$/, "")
    .toLowerCase()
}

function refuse(reason) {
  console.error(`${name} is not published: ${reason}`)
  process.exit(1)
}
