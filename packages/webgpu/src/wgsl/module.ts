/** Element types that a kernel reads or writes. */
export type Element = "f32" | "vec2f" | "vec4f" | "u32" | "vec2u"

/** Optional parts of WGSL. */
export type Extension = "f16" | "subgroups" | typeof MATRICES

/** Subgroup matrices. */
const MATRICES = "chromium_experimental_subgroup_matrix"

export interface KernelParts {
  /** Extensions that the device must have. */
  readonly enable?: readonly Extension[]
  /** Names of the parameters: u32, or another type after a colon ("epsilon: f32"). */
  readonly params: readonly string[]
  /** Buffers by name, in the order of their bindings: buffers to read, then buffers to write. */
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

/** A WGSL module of one kernel: the uniform `p`, its buffers, and `main`. */
export function wgslModule(parts: KernelParts): string {
  const { enable = [], params, reads, writes, threads, declarations = "", main } = parts
  const fields = params.map((name) => (name.includes(":") ? name : `${name}: u32`))
  const buffers = [
    ...Object.entries(reads).map(([name, element]) => `var<storage, read> ${name}: array<${element}>;`),
    ...Object.entries(writes).map(([name, element]) => `var<storage, read_write> ${name}: array<${element}>;`),
  ]
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

/** Lines for 0 … count − 1. WGSL compilers keep values in registers only where indices are constants. */
export function unrolled(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n")
}
