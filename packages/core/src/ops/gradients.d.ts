/** The gradients of TensorFlow.js' kernels, bundled by build/gradients.ts. The module registers them when it is loaded. */
declare module "lllite-core:gradients" {}
