/** A network of SDXL that has layers of its own. A ControlNet has the layers of the U-Net's way down. */
export type NetworkName = "unet" | "controlnet" | "text1" | "text2"

/** One layer of a network: what an adapter, a loader or a key of a file means by it. */
export interface NetworkLayer {
  readonly network: NetworkName
  /**
   * Name inside its network: that of an SDXL checkpoint in the U-Net (`input_blocks.4.1.proj_in`), that of
   * transformers in a text encoder (`encoder.layers.3.mlp.fc1`).
   */
  readonly path: string
  /** The block as people say it: `input 4`, `middle`, `output 0`, `layer 3` of a text encoder. */
  readonly block: string
  readonly kind: "linear" | "conv" | "norm"
  /** Channels that it reads. */
  readonly inDim: number
  /** Channels that it gives. */
  readonly outDim: number
  /** Side of a convolution's kernel; 1 for other layers. */
  readonly kernel: 1 | 3
  /** Pixels between two places of a convolution; 1 for other layers. */
  readonly stride: 1 | 2
  /** Whether it has a bias. A norm always has. */
  readonly bias: boolean
}
