/**
 * Random numbers by seed and position, and PyTorch's random numbers.
 *
 * @module
 */
export { createStream, type DrawPosition, normalRows, type RandomStream } from "./stream.ts"
export { createTorchGenerator, type TorchGenerator, type TorchGeneratorName } from "./torch.ts"
