import { choice, file, folder, integer, text, texts } from "@lllite/runtime-node/options"
import { RUNTIME_OPTIONS } from "../model/runtime-options.ts"
import { STORE_OPTIONS } from "../pieces/options.ts"
import { REDIS_CA_FILE, REDIS_PASSWORD_FILE } from "./redis-options.ts"

/** Where the jobs are. */
const CONNECTION = {
  redis: text({
    required: "the address of Redis, such as redis://localhost:6379",
    valueName: "url",
    help: "Redis of the server, as it was given there: redis://host:6379, or rediss:// with TLS.",
  }),
  redis_password_file: REDIS_PASSWORD_FILE,
  redis_ca_file: REDIS_CA_FILE,
  name: text({
    otherwise: "the name of the machine, with the process's number",
    help: "Name of this worker in errors.",
  }),
} as const

/** What this machine does, and with which files. */
const WORK = {
  jobs: choice(["all", "pictures", "commands", "pieces"], {
    default: "all",
    help: "Jobs to take. Commands are train, dataset make, dataset cache, preprocess and inspect. They need data_dir. Pieces are parts of a dataset make or a dataset cache with redis. They need store.",
  }),
  concurrency: integer({
    default: 1,
    min: 1,
    max: 64,
    help: "Jobs of pictures at once, and pieces at once. Each has its own process and its own models. A command runs beside them.",
  }),
  ...STORE_OPTIONS,
  data_dir: folder({
    otherwise: "none, and the worker draws pictures alone",
    help: "The server's data folder, which this machine has to see, too.",
  }),
  models_dir: texts({
    valueName: "folder",
    help: "Folders of models, as of the server: ComfyUI's, its models, A1111's, or one with all files.",
  }),
  extra_model_paths_config: file({ help: "ComfyUI's extra_model_paths.yaml, with further folders." }),
  max_file_mb: integer({
    default: 512,
    min: 1,
    max: 100_000,
    help: "Megabytes of a made file at most. Redis has it in its memory until the server takes it.",
  }),
} as const

/** Options of `work`. */
export const WORK_OPTIONS = { ...CONNECTION, ...WORK, ...RUNTIME_OPTIONS } as const

export const WORK_GROUPS = [
  ["Connection", CONNECTION],
  ["Work", WORK],
  ["Backend", RUNTIME_OPTIONS],
] as const
