const SIZE = 624

/**
 * The Mersenne Twister: returns a function that gives the next 32-bit word.
 *
 * Source: Matsumoto & Nishimura 1998, mt19937ar, `init_genrand`.
 */
export function createMt19937(seed: number): () => number {
  return wordsFrom(stateOf(seed))
}

/**
 * The Mersenne Twister with a seed of several words. Python and NumPy begin so.
 *
 * Source: Matsumoto & Nishimura 2002, mt19937ar, `init_by_array`.
 */
export function createMt19937ByArray(key: Uint32Array): () => number {
  const state = stateOf(19650218)
  let i = 1
  let j = 0
  const mixed = (factor: number): number => {
    const previous = state[i - 1] as number
    return (state[i] as number) ^ Math.imul(previous ^ (previous >>> 30), factor)
  }
  const step = (): void => {
    i += 1
    if (i < SIZE) return
    state[0] = state[SIZE - 1] as number
    i = 1
  }
  for (let k = Math.max(SIZE, key.length); k > 0; k--) {
    state[i] = mixed(1664525) + (key[j] as number) + j
    step()
    j = (j + 1) % key.length
  }
  for (let k = SIZE - 1; k > 0; k--) {
    state[i] = mixed(1566083941) - i
    step()
  }
  state[0] = 0x80000000
  return wordsFrom(state)
}

function stateOf(seed: number): Uint32Array {
  const state = new Uint32Array(SIZE)
  state[0] = seed
  for (let i = 1; i < SIZE; i++) {
    const previous = state[i - 1] as number
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i
  }
  return state
}

/** Words from a state, which is changed. */
function wordsFrom(state: Uint32Array): () => number {
  const twist = (): void => {
    for (let i = 0; i < SIZE; i++) {
      const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % SIZE] as number) & 0x7fffffff)
      state[i] = (state[(i + 397) % SIZE] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
    }
  }
  let position = SIZE
  return () => {
    if (position === SIZE) {
      twist()
      position = 0
    }
    let y = state[position++] as number
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }
}
