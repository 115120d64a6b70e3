import { file, flag, folder, integer, number, text, texts } from "@lllite/runtime-node/options"
import { RUNTIME_OPTIONS } from "../model/runtime-options.ts"
import { REDIS_CA_FILE, REDIS_PASSWORD_FILE } from "../worker/redis-options.ts"

/** Where the server listens, and who may use it. */
const ACCESS = {
  host: text({
    default: "127.0.0.1",
    valueName: "address",
    help: "Address to listen on. Any but a loopback address needs a key.",
  }),
  port: integer({ default: 8188, min: 0, max: 65_535, help: "Port to listen on. 0 takes any that is free." }),
  key_file: file({
    otherwise: "LLLITE_SERVE_KEY of the environment",
    help: "File with the key that every request has to bring.",
  }),
  allow_host: texts({ valueName: "name", help: "Further names that the server is called by, such as a proxy's." }),
  allow_origin: texts({ valueName: "origin", help: "Pages elsewhere that may use the server: https://example.org." }),
} as const

/** What the server has. */
const FILES = {
  folder: folder({ default: "lllite-serve", help: "Folder of the server's jobs, uploads and results." }),
  data_dir: folder({
    otherwise: "none, and the server draws pictures alone",
    help: "Folder in which train, dataset make, dataset cache, preprocess and inspect read and write. Requests reach nothing outside.",
  }),
  models_dir: texts({
    valueName: "folder",
    help: "Folders of models that requests may name: ComfyUI's, its models, A1111's, or one with all files.",
  }),
  front_end_root: folder({
    otherwise: "that of the Python package comfyui-frontend-package, where it is installed",
    help: "Folder of ComfyUI's page, which the server then shows.",
  }),
  python: text({ valueName: "path", otherwise: "python3", help: "Python that may have comfyui-frontend-package." }),
  extra_model_paths_config: file({ help: "ComfyUI's extra_model_paths.yaml, with further folders." }),
} as const

/** Who does the work. */
const WORKERS = {
  redis: text({
    otherwise: "none, and the server does its jobs itself",
    valueName: "url",
    help: "Redis from which `lllite work` takes the jobs: redis://host:6379, or rediss:// with TLS.",
  }),
  redis_password_file: REDIS_PASSWORD_FILE,
  redis_ca_file: REDIS_CA_FILE,
} as const

/** What a request may ask for. */
const LIMITS = {
  max_queue: integer({ default: 500, min: 1, max: 100_000, help: "Jobs that wait at most." }),
  max_pictures: integer({ default: 16, min: 1, max: 10_000, help: "Pictures of a job at most." }),
  max_steps: integer({ default: 200, min: 1, max: 10_000, help: "Steps of a picture at most." }),
  max_pixels: integer({ default: 2048 * 2048, min: 1024, max: 2 ** 30, help: "Pixels of a picture at most." }),
  max_body_mb: integer({ default: 64, min: 1, max: 4096, help: "Megabytes of a request at most." }),
  max_request_seconds: integer({ default: 60, min: 1, max: 86_400, help: "Seconds until a request is received." }),
  max_job_seconds: integer({ default: 3600, min: 1, max: 2_000_000, help: "Seconds that the pictures of a job take." }),
  max_storage_gb: number({ default: 50, above: 0, max: 1_000_000, help: "Gigabytes of uploads and results at most." }),
  keep_jobs: integer({ default: 1000, min: 1, max: 1_000_000, help: "Ended jobs that are kept, with their files." }),
  keep_uploads_days: number({ default: 7, above: 0, max: 10_000, help: "Days that uploads stay which no job uses." }),
  previews: flag({ help: "Show pictures at every step to clients that watch. Each takes as long as a result." }),
} as const

/** Options of `serve`. */
export const SERVE_OPTIONS = { ...ACCESS, ...FILES, ...WORKERS, ...LIMITS, ...RUNTIME_OPTIONS } as const

export const SERVE_GROUPS = [
  ["Access", ACCESS],
  ["Files", FILES],
  ["Workers", WORKERS],
  ["Limits", LIMITS],
  ["Backend", RUNTIME_OPTIONS],
] as const
