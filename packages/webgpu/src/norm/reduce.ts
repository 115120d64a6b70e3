/**
 * `total(local, v)`: the sum over a workgroup's invocations, the same in all of them, in a fixed order. Every
 * invocation must call it.
 */
export function totalFunction(threads: number): string {
  return `var<workgroup> shares: array<vec2f, ${threads}>;
fn total(local: u32, share: vec2f) -> vec2f {
  workgroupBarrier();
  shares[local] = share;
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    if (local < half) { shares[local] += shares[local + half]; }
    workgroupBarrier();
  }
  return shares[0];
}`
}
