/** Tiles of products and convolutions. Those that are fastest elsewhere come first: 128×128 and 128×64, fragments of 16. */
export const TILES = [
  { subgroups: [2, 2], fragments: [4, 4], depth: 2 },
  { subgroups: [2, 4], fragments: [4, 2], depth: 2 },
  { subgroups: [2, 2], fragments: [4, 2], depth: 2 },
  { subgroups: [2, 2], fragments: [2, 2], depth: 2 },
  { subgroups: [2, 4], fragments: [4, 4], depth: 2 },
  { subgroups: [2, 2], fragments: [4, 4], depth: 4 },
  { subgroups: [1, 4], fragments: [2, 2], depth: 2 },
]

/** Tiles of attention: subgroups, each with one fragment's rows, and keys that are in shared memory at a time. */
export const ATTENTION_TILES = [
  { subgroups: 4, keys: 64 },
  { subgroups: 4, keys: 32 },
  { subgroups: 2, keys: 64 },
]

/** Tiles that a driver in software compiles in seconds. */
export const QUICK_TILES = [{ subgroups: [2, 1], fragments: [2, 2], depth: 2 }]
export const QUICK_ATTENTION_TILES = [{ subgroups: 2, keys: 16 }]
