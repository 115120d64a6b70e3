import { existsSync, readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { needs } from "./needs.ts"
import { treeReference, wholeReference } from "./reference.ts"

const cases = readdirSync(treeReference).filter((name) => name !== "README.md")

describe("the reference cases of the repository", () => {
  it("are there for every network, sampler and format", () => {
    const groups = ["buckets", "canny", "diffusion", "module", "pipeline", "text-vae", "tokens", "unet"]
    for (const group of groups) expect(cases).toContain(`${group}.json`)
  })

  it("have the bytes of the whole set", needs(wholeReference, existsSync(wholeReference)), () => {
    const read = (folder: string, name: string): Buffer => readFileSync(`${folder}/${name}`)
    const different = cases.filter((name) => !read(treeReference, name).equals(read(wholeReference, name)))
    expect(different).toEqual([])
  })
})
