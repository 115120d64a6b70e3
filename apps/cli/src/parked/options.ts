import { text } from "@lllite/runtime-node/options"
import { JSON_OPTION } from "../lllite-file/output-options.ts"
import { FAN_OUT_OPTIONS } from "../pieces/options.ts"

export const PARKED_ACTIONS = ["list", "retry", "forget"] as const
export type ParkedAction = (typeof PARKED_ACTIONS)[number]

/** Where parked pieces are. */
export const PARKED_OPTIONS = {
  ...FAN_OUT_OPTIONS,
  redis: text({
    required: "the address of Redis, such as redis://localhost:6379",
    valueName: "url",
    help: "Redis of the workers: redis://host:6379, or rediss:// with TLS.",
  }),
  store: text({
    required: "the store of the pieces: a folder, or s3://bucket/prefix",
    valueName: "place",
    help: "Store of the pieces, as of the workers.",
  }),
  ...JSON_OPTION,
} as const
