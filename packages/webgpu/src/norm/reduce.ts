import type { KernelParts } from "../wgsl/module.ts"

/**
 * `total(local, v)`: the sum over a workgroup's invocations, the same in all of them. Every invocation must call it.
 * Neighbours are added up first, then pairs, then fours. This fixed order gives the same bits on every device.
 *
 * @param threads invocations of the workgroup, a power of two
 * @param reach the number of neighbours that exchange values in registers, see `DeviceFeatures.reach`
 */
export function totalFunction(threads: number, reach: number): Required<Pick<KernelParts, "enable" | "declarations">> {
  const steps = Array.from({ length: Math.log2(threads) }, (_, level) => 2 ** level)
  const near = steps.filter((step) => step < reach)
  const far = steps.filter((step) => step >= reach)
  return {
    enable: near.length > 0 ? ["subgroups"] : [],
    declarations: `var<workgroup> shares: array<vec2f, ${threads}>;
fn total(local: u32, share: vec2f) -> vec2f {
  var sum = share;
${near.map((step) => `  sum += subgroupShuffleXor(sum, ${step}u);`).join("\n")}
  workgroupBarrier();
  shares[local] = sum;
  workgroupBarrier();
${far
  .map(
    (step) => `  if (local % ${2 * step}u == 0u) { shares[local] += shares[local + ${step}u]; }
  workgroupBarrier();`,
  )
  .join("\n")}
  return shares[0];
}`,
  }
}
