/* Kinds of pieces that workers know. */

export const CONTROL_PIECE = "control"
export const DRAWN_PIECE = "drawn pairs"
export const ENCODED_PIECE = "encoded example"
