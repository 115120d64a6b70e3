/** The gradients of TensorFlow.js' kernels, bundled by build/gradients.ts. The module registers them when it is loaded. */
declare module "lllite-core:gradients" {
  /** True. A bundler leaves out a module of which nothing is used. */
  export const areRegistered: boolean
}
