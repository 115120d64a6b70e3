// Kernels that do not go through TensorFlow.js: buffers, pipelines and dispatches of a device.

/** A buffer of bytes, or of so many zeros. */
export function buffer(device, data, usage = GPUBufferUsage.STORAGE) {
  const bytes = typeof data === "number" ? data : data.byteLength
  const made = device.createBuffer({
    size: Math.max(16, 4 * Math.ceil(bytes / 4)),
    usage: usage | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
  })
  if (typeof data !== "number") device.queue.writeBuffer(made, 0, data.buffer, data.byteOffset, data.byteLength)
  return made
}

/** Sets a buffer to zeros, so that values of an earlier run do not count as right. */
export function clear(device, buffer) {
  const encoder = device.createCommandEncoder()
  encoder.clearBuffer(buffer)
  device.queue.submit([encoder.finish()])
}

/** Bytes of a part of a buffer. */
export async function readBytes(device, from, offset = 0, size = from.size - offset) {
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  const encoder = device.createCommandEncoder()
  encoder.copyBufferToBuffer(from, offset, staging, 0, size)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(GPUMapMode.READ)
  const bytes = new Uint8Array(staging.getMappedRange().slice(0))
  staging.destroy()
  return bytes
}

/** @throws Error with what the compiler or the driver says */
export async function compile(device, label, code) {
  // The compiler's errors are read from its messages, and are not the device's as well.
  device.pushErrorScope("validation")
  const module = device.createShaderModule({ label, code })
  void device.popErrorScope()
  const errors = (await module.getCompilationInfo()).messages.filter(({ type }) => type === "error")
  if (errors.length > 0) throw new Error(`${label}: line ${errors[0].lineNum}: ${errors[0].message}`)
  return device.createComputePipelineAsync({ label, layout: "auto", compute: { module, entryPoint: "main" } })
}

/**
 * Prepares a kernel on buffers. `run(count)` makes `count` dispatches in one compute pass.
 *
 * @param params 32-bit words of the uniform at binding 0; the buffers follow
 */
export function bind(device, pipeline, params, buffers, groups) {
  const words = new Uint32Array(4 * Math.ceil(params.length / 4))
  words.set(params)
  const uniform = buffer(device, words, GPUBufferUsage.UNIFORM)
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [uniform, ...buffers].map((bound, binding) => ({ binding, resource: { buffer: bound } })),
  })
  return {
    run(count = 1) {
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass()
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, bindGroup)
      for (let i = 0; i < count; i++) pass.dispatchWorkgroups(...groups)
      pass.end()
      device.queue.submit([encoder.finish()])
    },
    dispose: () => uniform.destroy(),
  }
}
