// Parts that all kernels on subgroup matrices share. A subgroup holds fragments: M × K of a left factor, K × N of a right one,
// M × N of their sum. WGSL names the columns of a type first. Offsets and strides of loads and stores count elements of
// the array, so that one of `vec4u` moves eight float16 at a time.

/** Text for every number below `count`. */
export const each = (count, text) => Array.from({ length: count }, (_, i) => text(i)).join("\n")

/** Head of a kernel with fragments of a configuration, float16 as factors. */
export function fragmentsHead({ M, N, K }, sums) {
  return `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
diagnostic(off, subgroup_uniformity);
alias Left = subgroup_matrix_left<f16, ${K}, ${M}>;
alias Right = subgroup_matrix_right<f16, ${N}, ${K}>;
alias Sum = subgroup_matrix_result<${sums}, ${N}, ${M}>;`
}

/**
 * The configurations of an adapter that multiply float16, by what they add up in: `{ f32?, f16? }`, each `{ M, N, K }`.
 * The largest fragments are taken where there are several.
 */
export function halfConfigs(info) {
  const found = [...(info.subgroupMatrixConfigs ?? [])]
    .filter(({ componentType }) => componentType === "f16")
    .sort((one, other) => one.M * one.N * one.K - other.M * other.N * other.K)
    .map(({ resultComponentType, M, N, K }) => [resultComponentType, { M, N, K }])
  return Object.fromEntries(found)
}
