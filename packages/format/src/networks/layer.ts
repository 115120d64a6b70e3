/** A network of SDXL. A ControlNet has the layers of the U-Net's way down. */
export type NetworkName = "unet" | "controlnet" | "text1" | "text2"

/** One layer of a network, as adapters, loaders and keys of files name it. */
export interface NetworkLayer {
  readonly network: NetworkName
  /**
   * Name inside its network: that of an SDXL checkpoint in the U-Net (`input_blocks.4.1.proj_in`), that of
   * transformers in a text encoder (`encoder.layers.3.mlp.fc1`).
   */
  readonly path: string
  /** The block's name for people: `input 4`, `middle`, `output 0`, `layer 3` of a text encoder. */
  readonly block: string
  readonly kind: "linear" | "conv" | "norm"
  /** Input channels. */
  readonly inDim: number
  /** Output channels. */
  readonly outDim: number
  /** Side of a convolution's kernel. 1 for other layers. */
  readonly kernel: 1 | 3
  /** Stride of a convolution in pixels. 1 for other layers. */
  readonly stride: 1 | 2
  /** Whether it has a bias. A norm always has one. */
  readonly bias: boolean
}
