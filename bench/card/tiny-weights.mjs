// The tiny model in fewer bits, as a file of the same layout. The removed bits are zeros, which compress well.

/** Bits of the mantissa that are kept, of ten. */
const KEPT_BITS = 1

/**
 * Shortens the matrices of the U-Net and of the text encoders, and blanks the rows of tokens that are not in `tokens`.
 * The rest, the VAE too, keeps its bits.
 *
 * @param file bytes of a safetensors file with float16 weights
 */
export function shortenWeights(file, tokens) {
  const bytes = Uint8Array.from(file)
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  const { __metadata__: _, ...tensors } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)))
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(tensors)) {
    if (dtype !== "F16" || shape.length < 2 || name.startsWith("first_stage_model.")) continue
    const [from, to] = offsets.map((offset) => 8 + headerBytes + offset)
    const halves = new Uint16Array(bytes.slice(from, to).buffer)
    if (name.includes("token_embedding")) keepRows(halves, shape[1], new Set(tokens))
    else shorten(halves)
    bytes.set(new Uint8Array(halves.buffer), from)
  }
  return bytes
}

/** Rounds to the nearest. A carry goes on into the exponent, as it should. */
function shorten(halves) {
  const dropped = 10 - KEPT_BITS
  for (let i = 0; i < halves.length; i++) halves[i] = ((halves[i] + 2 ** (dropped - 1)) >> dropped) << dropped
}

function keepRows(halves, width, rows) {
  for (let row = 0; row * width < halves.length; row++) {
    if (!rows.has(row)) halves.fill(0, row * width, (row + 1) * width)
  }
}
