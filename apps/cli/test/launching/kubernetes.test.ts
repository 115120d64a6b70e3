import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { cp, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { needs } from "../../../../packages/format/test/needs.ts"
import { describeWithPython, runPython } from "../../../../packages/format/test/python.ts"
import { drawnPairs } from "../trained-run.test-help.ts"
import {
  aloneBytes,
  computedParts,
  DEPLOY,
  findTool,
  freePort,
  llliteBytes,
  runFile,
  start,
  withLllite,
} from "./launched-run.test-help.ts"

/*
 * No cluster runs here. Manifests are checked by the schemas of Kubernetes, and the script of the pods runs as the two
 * pods would run it, with the environment of the manifest. Its path, name and port are those of this machine.
 */

const FOLDER = join(DEPLOY, "kubernetes")
const FILES = ["job.yaml", "service.yaml", "network-policy.yaml"]
/** The oldest version that the job needs, and the newest that the package knows. */
const VERSIONS = ["1.31", "1.37"]
const kubectl = findTool("kubectl")

/** The problem of each manifest by version. Null: it has none. Properties that Kubernetes does not know are problems. */
const VALIDATE = `
import json, sys, yaml, kubernetes_validate
asked = json.load(sys.stdin)
found = []
for document in yaml.safe_load_all(asked["text"]):
    for version in asked["versions"]:
        try:
            kubernetes_validate.validate(document, version, strict=True)
            found.append(None)
        except kubernetes_validate.ValidationError as error:
            found.append(error.message)
print(json.dumps(found))
`

interface Job {
  readonly spec: {
    readonly completions: number
    readonly parallelism: number
    readonly template: { readonly spec: { readonly subdomain: string; readonly containers: readonly [Container] } }
  }
}

interface Container {
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[]
}

const textOf = (name: string): string => readFileSync(join(FOLDER, name), "utf8")
const problemsOf = (text: string): readonly (string | null)[] => runPython(VALIDATE, { text, versions: VERSIONS })
const jobOf = (): Job =>
  runPython("import json, sys, yaml; print(json.dumps(yaml.safe_load(json.load(sys.stdin))))", textOf("job.yaml"))

describeWithPython("the job of Kubernetes", ["kubernetes_validate", "yaml"], () => {
  const data = drawnPairs("lllite-kubernetes-")

  it.each(FILES)("is valid by the schemas of the oldest and the newest version: %s", (name) => {
    expect(problemsOf(textOf(name))).toEqual([null, null])
    const wrong = problemsOf(textOf(name).replace("\nspec:\n", "\nspec:\n  nothing: 1\n"))
    expect(wrong).toEqual(VERSIONS.map(() => expect.stringContaining("nothing")))
  })

  it("is built by kustomize", needs("kubectl, which contains kustomize", kubectl !== null), () => {
    const { stdout, stderr, status } = spawnSync(kubectl ?? "", ["kustomize", FOLDER], { encoding: "utf8" })
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 })
    expect(problemsOf(stdout)).toEqual([...FILES, "run.toml"].flatMap(() => [null, null]))
    // The job reads the options under the name that kustomize gives them.
    const [, name = ""] = /name: (lllite-train-\w+)\n---/.exec(stdout) ?? []
    expect(stdout).toContain(`configMap:\n          name: ${name}`)
  })

  it(
    "takes the values of the guide's kustomization",
    needs("kubectl, which contains kustomize", kubectl !== null),
    async () => {
      const guide = readFileSync(join(DEPLOY, "../docs/guides/launching.md"), "utf8")
      const [, own = ""] = /```yaml\n(# kustomization.yaml\n[^`]+)```/.exec(guide) ?? []
      const folder = join(data(), "own")
      await cp(FOLDER, join(folder, "deploy/kubernetes"), { recursive: true })
      await writeFile(join(folder, "kustomization.yaml"), own)
      await writeFile(join(folder, "run.toml"), "max_train_steps = 1\n")
      const { stdout, stderr } = spawnSync(kubectl ?? "", ["kustomize", folder], { encoding: "utf8" })
      expect(stderr).toBe("")
      expect(problemsOf(stdout)).toEqual([...FILES, "run.toml"].flatMap(() => [null, null]))
      const lines = ["completions: 4", "parallelism: 4", "nvidia.com/gpu: 1", "max_train_steps = 1"]
      for (const line of [...lines, 'name: RANKS\n          value: "4"', "image: registry.example/lllite"]) {
        expect(stdout).toContain(line)
      }
    },
  )

  it("names the same number of processes and the same leader everywhere", () => {
    const { completions, parallelism, template } = jobOf().spec
    const env = new Map(template.spec.containers[0].env.map(({ name, value }) => [name, value]))
    expect([completions, parallelism]).toEqual([Number(env.get("RANKS")), Number(env.get("RANKS"))])
    expect(env.get("LEADER")).toBe(`lllite-train-0.${template.spec.subdomain}`)
    expect(textOf("service.yaml")).toContain(`name: ${template.spec.subdomain}\n`)
    for (const name of ["service.yaml", "network-policy.yaml"]) {
      expect(textOf(name)).toContain(`port: ${env.get("PORT")}\n`)
    }
  })

  it("runs two pods whose LLLite has the bytes of one process", { timeout: 600_000 }, async () => {
    const [{ command, args, env: stated }] = jobOf().spec.template.spec.containers
    const base = await withLllite(data())
    const out = join(data(), "pods")
    const here = {
      ...{ CONFIG: await runFile(data(), out), LEADER: "127.0.0.1", PORT: String(await freePort()) },
      LLLITE_RANKS_TOKEN: "a secret of this test",
    }
    const own = Object.fromEntries(stated.map(({ name, value }) => [name, value ?? ""]))
    expect(Object.keys(own)).toEqual(expect.arrayContaining(Object.keys(here)))
    const [shell = "", ...flags] = command
    const pods = [1, 0].map((index) =>
      start(shell, [...flags, ...args], { ...base, ...own, ...here, JOB_COMPLETION_INDEX: String(index) }),
    )
    expect(await Promise.all(pods.map(({ ended }) => ended)), pods.map(({ text }) => text()).join("\n")).toEqual([0, 0])
    expect(computedParts(pods[0]?.text() ?? "")).toEqual([expect.toSatisfy((parts: number) => parts > 0)])
    expect((await llliteBytes(out)).equals(await aloneBytes(data(), base))).toBe(true)
  })
})
