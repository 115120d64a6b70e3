/** Milliseconds without a byte after which pip and npm give up a connection. */
export const NETWORK_SILENCE = 30_000

/** Milliseconds that a program may take to say its version. */
export const VERSION_TIME = 60_000
