import type { StepPart } from "@lllite/core/runtime"
import type { FinalRanges, LossAndGradients } from "@lllite/core/training"
import type { RankAddress } from "./address.ts"
import type { Identity } from "./messages.ts"

export interface RankOptions {
  /** Where the leading process listens. */
  readonly address: RankAddress
  readonly token: string
  /** What has to be the same as in the leading process. */
  readonly identity: Identity
  /** The name of this rank in notices. */
  readonly name: string
  /** Parts that are computed at a time. */
  readonly places: number
  /**
   * Connects by TLS. `ca`: a PEM certificate to trust beside the system's. A rank that leads a branch has to show a
   * certificate for the name of the leading process. Default: without TLS
   */
  readonly tls?: { readonly ca?: string }
  /**
   * How this rank leads a branch of further ranks, if it is asked to. Null: it leads none. Default: at any free port of
   * the address by which it reaches the leading process. With TLS, it needs a certificate.
   */
  readonly branch?: BranchOptions | null
  /** Seconds for which a leading process that is not there is tried again. Default: 600 */
  readonly patience?: number
  /**
   * Computes a part.
   *
   * @param onFinal may be called with values of the gradient that will not change. They are sent at once
   */
  gradient(
    part: StepPart,
    signal: AbortSignal,
    onFinal: (gradients: Float32Array, ranges: FinalRanges) => void,
  ): Promise<LossAndGradients>
  readonly onEvent?: (event: OwnEvent) => void
  readonly signal: AbortSignal
}

/** Where ranks of a branch join. */
export interface BranchOptions {
  /** An address to listen on. The other ranks see the machine's own, if this is one for all of them (`0.0.0.0`, `::`). */
  readonly address?: RankAddress
  /** PEM texts for TLS. */
  readonly certificate?: string
  readonly key?: string
}

/**
 * What happens to a rank: it found nothing yet, it has joined, it was separated, or it leads a branch. `waiting` and
 * `parted` try again. `address` is where it joined, which is another one in a branch.
 */
export type OwnEvent =
  | { readonly kind: "joined"; readonly address: RankAddress }
  | { readonly kind: "leads"; readonly address: RankAddress }
  | { readonly kind: "waiting" | "parted"; readonly reason: string }
