// Arrays over an ArrayBuffer, which is not shared. TypeScript before 5.7 cannot read `Uint8Array<ArrayBuffer>`. From 5.7 on,
// these are the same types.

/** Bytes over an ArrayBuffer, as `Blob` and `fetch` take them. */
export type Bytes = ReturnType<typeof Uint8Array.of>

/** Float32 values over an ArrayBuffer. */
export type Floats = ReturnType<typeof Float32Array.of>
