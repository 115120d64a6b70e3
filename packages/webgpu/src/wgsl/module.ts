/** Element types that a kernel reads or writes. */
export type Element = "f32" | "vec2f" | "vec4f" | "u32" | "vec2u"

/** How the float32 values of a buffer are stored. */
export type Storage = "f32" | "f16"

/** The stored elements in float16. Kernels compute in float32. */
const STORED_HALF: Partial<Record<Element, string>> = { f32: "f16", vec2f: "vec2h", vec4f: "vec4h" }

/** Optional parts of WGSL. */
export type Extension = "f16" | "subgroups" | typeof MATRICES

/** Subgroup matrices. */
const MATRICES = "chromium_experimental_subgroup_matrix"

export interface KernelParts {
  /** Extensions that the device must have. */
  readonly enable?: readonly Extension[]
  /** Names of the parameters: u32, or another type after a colon ("epsilon: f32"). */
  readonly params: readonly string[]
  /**
   * Buffers by name, in the order of their bindings: buffers to read, then buffers to write. The WGSL of a kernel reads a
   * buffer `x` that may be stored in float16 by `load_x(index)`, and writes it by `store_x(index, value)`.
   */
  readonly reads: Readonly<Record<string, Element>>
  readonly writes: Readonly<Record<string, Element>>
  /** Invocations in a workgroup. */
  readonly threads: number
  /** Declarations: constants, shared memory, functions. */
  readonly declarations?: string
  /**
   * Body of `main`. `local` is the index of the invocation in its workgroup. `group` is the index of the workgroup over
   * both dimensions. With subgroup matrices, `subgroup` is the number of the subgroup in its workgroup, and `lane` the
   * number of the invocation in its subgroup.
   */
  readonly main: string
}

/**
 * A WGSL module of one kernel: the uniform `p`, its buffers, and `main`.
 *
 * @param storages of each buffer, in the order of the bindings. Default: float32
 */
export function wgslModule(parts: KernelParts, storages: readonly Storage[] = []): string {
  const { params, reads, writes, threads, declarations = "", main } = parts
  const enable = [...new Set([...(parts.enable ?? []), ...(storages.includes("f16") ? (["f16"] as const) : [])])]
  const fields = params.map((name) => (name.includes(":") ? name : `${name}: u32`))
  const used = declarations + main
  const buffers = [...Object.entries(reads), ...Object.entries(writes)].map(([name, element], i) => {
    const stored = storages[i] === "f16" ? (STORED_HALF[element] ?? element) : element
    const access = i < Object.keys(reads).length ? "read" : "read_write"
    return `var<storage, ${access}> ${name}: array<${stored}>;${accessors(used, name, element, stored)}`
  })
  const hasMatrices = enable.includes(MATRICES)
  // The compiler cannot see that `subgroup` is the same number for all of a subgroup.
  const diagnostics = hasMatrices ? "diagnostic(off, chromium.subgroup_matrix_uniformity);\n" : ""
  const inputs = [
    "@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) nwg: vec3u",
    ...(hasMatrices ? ["@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32"] : []),
  ]
  return `${enable.map((extension) => `enable ${extension};\n`).join("")}${diagnostics}struct Params { ${fields.join(", ")} }
@group(0) @binding(0) var<uniform> p: Params;
${buffers.map((buffer, i) => `@group(0) @binding(${i + 1}) ${buffer}`).join("\n")}
${declarations}
@compute @workgroup_size(${threads})
fn main(${inputs.join(", ")}) {
  let group = wid.x + wid.y * nwg.x;
${main}
}
`
}

/** Functions that read and write a buffer's elements, whatever their storage. Only those that a kernel uses. */
function accessors(used: string, name: string, element: Element, stored: string): string {
  const [load, store] = [`load_${name}`, `store_${name}`]
  const [read, written] = stored === element ? [`${name}[i]`, "value"] : [`${element}(${name}[i])`, `${stored}(value)`]
  return [
    ...(used.includes(`${load}(`) ? [`\nfn ${load}(i: u32) -> ${element} { return ${read}; }`] : []),
    ...(used.includes(`${store}(`) ? [`\nfn ${store}(i: u32, value: ${element}) { ${name}[i] = ${written}; }`] : []),
  ].join("")
}

/** Lines for 0 … count − 1. WGSL compilers keep values in registers only where indices are constants. */
export function unrolled(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n")
}
