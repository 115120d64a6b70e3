/**
 * Random numbers by seed and position, and the random numbers of PyTorch, NumPy and Python.
 *
 * @module
 */
export { createNumpyRandom, type NumpyRandom } from "./numpy.ts"
export { createNumpyGenerator, type NumpyGenerator } from "./numpy-generator.ts"
export { createPythonRandom, type PythonRandom } from "./python.ts"
export { checkSeed, LARGEST_SEED, readSeed, type Seed, seedAfter } from "./seed.ts"
export { createStream, type DrawPosition, normalRows, type RandomStream } from "./stream.ts"
export { createTorchGenerator, type TorchGenerator, type TorchGeneratorName } from "./torch.ts"
export { createTorchCpu, type TorchCpuGenerator } from "./torch-cpu.ts"
