import { choice, file, integer, text } from "@lllite/runtime-node/options"

/** The most processes of a run. */
const MOST = 256

/** Several processes or machines that compute the steps of one run. */
export const RANKS = {
  ranks: integer({
    default: 1,
    min: 1,
    max: MOST,
    help: "Processes that compute the steps, this one included. They are started on this machine, or join at rank_address. Each loads the checkpoint. It needs the package @lllite/ranks.",
  }),
  rank_address: text({
    valueName: "host:port",
    otherwise: "none, and the ranks are started on this machine",
    help: "Address at which ranks of other machines join: lllite rank HOST:PORT. They may join and leave at any time.",
  }),
  rank_token_file: file({
    otherwise: "LLLITE_RANKS_TOKEN or LLLITE_RANKS_TOKEN_FILE of the environment",
    help: "File with the secret that all processes of the run share. Only rank_address needs it.",
  }),
  rank_certificate: file({ help: "PEM certificate for TLS at rank_address. It goes with rank_key." }),
  rank_key: file({ help: "PEM key of rank_certificate." }),
  rank_lost: choice(["continue", "stop"], {
    default: "continue",
    help: "What a lost rank means: continue computes its parts elsewhere, with the same result, and stop ends the run with its last good state.",
  }),
  rank_shape: choice(["tree", "flat"], {
    default: "tree",
    help: "How processes are connected past eight: tree makes groups of eight, whose first rank adds up their gradients, and flat connects all ranks to this process. Batches of up to eight parts are always flat. The result is the same.",
  }),
  rank_wait: integer({
    default: 0,
    min: 0,
    max: 1_000_000,
    help: "Seconds for which the first step waits until as many processes as ranks are there. Then the run begins with those that have joined.",
  }),
  batch_parts: integer({
    min: 1,
    max: MOST,
    otherwise: "2, or as many as ranks",
    help: "Parts of a batch that are computed apart and added in order. Runs with the same number give the same file, with any number of ranks.",
  }),
  part_precision: choice(["float32", "float16"], {
    default: "float32",
    help: "How the gradient of each part is rounded before it is added. float16 halves what ranks send, and keeps what it leaves out for the next step. The result does not depend on the ranks.",
  }),
} as const
