/**
 * The Mersenne Twister: returns a function that gives the next 32-bit word.
 *
 * Source: Matsumoto & Nishimura 1998, mt19937ar.
 */
export function createMt19937(seed: number): () => number {
  const size = 624
  const state = new Uint32Array(size)
  state[0] = seed
  for (let i = 1; i < size; i++) {
    const previous = state[i - 1] as number
    state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i
  }
  const twist = (): void => {
    for (let i = 0; i < size; i++) {
      const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % size] as number) & 0x7fffffff)
      state[i] = (state[(i + 397) % size] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
    }
  }
  let position = size
  return () => {
    if (position === size) {
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
