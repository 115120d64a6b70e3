import { choice, file, integer, text } from "@lllite/runtime-node/options"
import { MODEL_OPTIONS, RUNTIME_OPTIONS } from "../model/runtime-options.ts"
import { MODEL } from "../train/options/model.ts"

/** How a rank reaches the leading process. */
const CONNECTION = {
  token_file: file({
    aliases: ["rank_token_file"],
    otherwise: "LLLITE_RANKS_TOKEN or LLLITE_RANKS_TOKEN_FILE of the environment",
    help: "File with the secret that all processes of the run share.",
  }),
  tls: choice(["no", "yes"], { default: "no", help: "Whether to connect by TLS. ca means yes." }),
  ca: file({ help: "PEM certificate of the leading process, if the system does not trust it." }),
  name: text({
    otherwise: "the name of the machine, with the process's number",
    help: "Name of this rank in messages.",
  }),
  branch: choice(["yes", "no"], {
    default: "yes",
    help: "Whether this rank may lead a branch of further ranks, past eight processes. Then it listens, and the others join it with the same token.",
  }),
  branch_address: text({
    valueName: "host:port",
    otherwise: "the address by which it reaches the leading process, at any free port",
    help: "Where this rank listens for the ranks of its branch.",
  }),
  certificate: file({
    aliases: ["rank_certificate"],
    help: "PEM certificate with the name of the leading process, for its branch. With TLS, a rank without it leads none.",
  }),
  key: file({ aliases: ["rank_key"], help: "PEM key of certificate." }),
  patience: integer({
    default: 600,
    min: 0,
    max: 1_000_000,
    help: "Seconds for which a leading process that does not answer is tried again.",
  }),
} as const

const { pretrained_model_name_or_path, v_parameterization, compat } = MODEL
const { vae, unet, offline } = MODEL_OPTIONS

/** The checkpoint, as in `train`. */
const RANK_MODEL = {
  config_file: file({
    aliases: ["config"],
    help: "TOML file of the training. The options of the checkpoint and of the backend are taken from it. Options on the command line have priority.",
  }),
  pretrained_model_name_or_path,
  vae,
  unet,
  offline,
  v_parameterization,
  compat,
} as const

/** Options of `rank`. */
export const RANK_OPTIONS = { ...RANK_MODEL, ...CONNECTION, ...RUNTIME_OPTIONS } as const

export const RANK_GROUPS = [
  ["Model", RANK_MODEL],
  ["Connection", CONNECTION],
  ["Backend", RUNTIME_OPTIONS],
] as const
