import { relaxedSimd, simd } from "lllite-wasm:kernels"
import { WasmOpsError } from "./errors.ts"

/** Exports of kernels/index.ts. Tensors are addresses in the heap. Counts and strides are in values. */
export interface Kernels {
  constantsSize(): number
  setConstants(at: number): void
  swish(x: number, y: number, count: number, beta: number): void
  swishGradient(x: number, dy: number, dx: number, count: number, beta: number): void
  gelu(x: number, y: number, count: number): void
  geluGradient(x: number, dy: number, dx: number, count: number): void
  geglu(h: number, y: number, rows: number, width: number): void
  gegluGradient(h: number, dy: number, dh: number, rows: number, width: number): void
  reluGradient(y: number, dy: number, dx: number, count: number): void
  attentionScratch(keys: number, dim: number): number
  attention(
    ...args: [
      ...[q: number, k: number, v: number, y: number, stats: number, scratch: number],
      ...[n: number, heads: number, tokens: number, keys: number, dim: number, causal: boolean],
    ]
  ): void
  attentionGradientScratch(keys: number, dim: number): number
  attentionGradient(
    ...args: [
      ...[q: number, k: number, v: number, stats: number, dy: number],
      ...[dq: number, dk: number, dv: number, scratch: number],
      ...[n: number, heads: number, tokens: number, keys: number, dim: number, causal: boolean],
    ]
  ): void
  denseScratch(): number
  dense(
    ...args: [
      ...[x: number, weight: number, bias: number, y: number, scratch: number],
      ...[rows: number, inner: number, out: number],
    ]
  ): void
  denseGradientScratch(inner: number, out: number): number
  denseGradient(
    ...args: [
      ...[x: number, weight: number, dy: number, dx: number, dWeight: number, dBias: number, scratch: number],
      ...[rows: number, inner: number, out: number, accumulate: boolean],
    ]
  ): void
  adapterScratch(): number
  adapter(
    ...args: [
      ...[x: number, values: number, share: number, strengths: number, down: number, middle: number, y: number],
      ...[scratch: number, n: number, count: number, tokens: number, channels: number, width: number],
    ]
  ): void
  adapterGradientScratch(rows: number, channels: number, width: number): number
  adapterGradient(
    ...args: [
      ...[x: number, values: number, strengths: number, down: number, middle: number, dy: number],
      ...[dx: number, dValues: number, dShare: number, scratch: number],
      ...[n: number, count: number, tokens: number, channels: number, width: number, accumulate: boolean],
    ]
  ): void
  copyRows(from: number, fromStep: number, to: number, toStep: number, bytes: number, count: number): void
  addTo(sum: number, x: number, count: number): void
  addToSamples(sum: number, x: number, n: number, rows: number, width: number): void
  packedSize(columns: number, parts: number, k: number): number
  pack(from: number, to: number, columns: number, parts: number, k: number): void
  packBackward(from: number, to: number, columns: number, parts: number, k: number): void
  packedTilesSize(columns: number, k: number, side: number): number
  packTiles(from: number, to: number, scratch: number, columns: number, k: number, side: number): void
  linearScratch(): number
  linear(
    ...args: [
      ...[x: number, weight: number, bias: number, y: number, scratch: number],
      ...[rows: number, inner: number, out: number, accumulate: boolean],
    ]
  ): void
  convolveScratch(taps: number, inner: number): number
  convolve(
    ...args: [
      ...[x: number, weight: number, bias: number, y: number, scratch: number],
      ...[n: number, height: number, width: number, inner: number],
      ...[outHeight: number, outWidth: number, out: number, kernelHeight: number, kernelWidth: number],
      ...[up: number, down: number, top: number, left: number],
    ]
  ): void
  convolveTilesScratch(inner: number, out: number): number
  convolveTiles(...args: TileArguments): void
  convolveFoursScratch(inner: number, out: number): number
  convolveFours(...args: TileArguments): void
  layerNorm(
    ...args: [
      ...[x: number, scale: number, shift: number, y: number, stats: number],
      ...[rows: number, width: number, epsilon: number],
    ]
  ): void
  layerNormGradient(
    ...args: [
      x: number,
      scale: number,
      stats: number,
      dy: number,
      dx: number,
      beside: number,
      rows: number,
      width: number,
    ]
  ): void
  groupNormScratch(channels: number): number
  groupNorm(
    ...args: [
      ...[x: number, scale: number, shift: number, y: number, stats: number, scratch: number],
      ...[n: number, rows: number, channels: number, groups: number, epsilon: number, silu: boolean],
    ]
  ): void
  groupNormGradient(
    ...args: [
      ...[
        x: number,
        scale: number,
        shift: number,
        stats: number,
        dy: number,
        dx: number,
        beside: number,
        scratch: number,
      ],
      ...[n: number, rows: number, channels: number, groups: number, silu: boolean],
    ]
  ): void
}

/** Arguments of a convolution in tiles. */
type TileArguments = [
  ...[x: number, weight: number, bias: number, y: number, scratch: number],
  ...[n: number, height: number, width: number, inner: number],
  ...[outHeight: number, outWidth: number, out: number, top: number, left: number],
]

/** Starts the kernels on a memory. They own no memory, and keep only the address of their constants between calls. */
export async function startKernels(memory: WebAssembly.Memory): Promise<Kernels> {
  const binary = [relaxedSimd, simd].map(decode).find((binary) => WebAssembly.validate(binary))
  if (binary === undefined) {
    throw new WasmOpsError("no-simd", "this machine does not run WebAssembly with SIMD. Use the composed ops.")
  }
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } })
  return instance.exports as unknown as Kernels
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))
}
