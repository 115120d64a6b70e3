import { text } from "@lllite/runtime-node/options"
import { REDIS_CA_FILE, REDIS_PASSWORD_FILE } from "../worker/redis-options.ts"

/** The store that machines share, for commands and their workers. */
export const STORE_OPTIONS = {
  store: text({
    valueName: "place",
    otherwise: "none",
    help: "Store of pieces of larger works, as of the other machines: a folder that all see, or s3://bucket/prefix. Keys of S3 are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
  }),
  s3_endpoint: text({
    valueName: "url",
    otherwise: "AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL of the environment, or Amazon's",
    help: "Address of an S3-compatible server, such as http://127.0.0.1:9000.",
  }),
} as const

/** Where a command finds workers. */
export const FAN_OUT_OPTIONS = {
  redis: text({
    valueName: "url",
    otherwise: "none, and this process does the work",
    help: "Redis over which `lllite work` takes pieces of the work: redis://host:6379, or rediss:// with TLS. It needs store.",
  }),
  redis_password_file: REDIS_PASSWORD_FILE,
  redis_ca_file: REDIS_CA_FILE,
  ...STORE_OPTIONS,
} as const

/** The names of options that a request to a server cannot give: its worker has them. */
export const FAN_OUT_NAMES: readonly string[] = Object.keys(FAN_OUT_OPTIONS)
