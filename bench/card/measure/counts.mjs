// Counts WebGPU's calls during a piece of work. The methods of the classes are wrapped, so all callers count.

/** @returns stop(), which removes the wrappers and returns the counts */
export function countCalls() {
  const counts = {
    ...{ dispatches: 0, passes: 0, submits: 0, bindGroups: 0, pipelines: 0, writes: 0, reads: 0 },
    ...{ buffers: 0, bufferBytes: 0 },
  }
  const { GPUBuffer, GPUCommandEncoder, GPUComputePassEncoder, GPUDevice, GPUQueue } = globalThis
  const undo = [
    watch(GPUComputePassEncoder, "dispatchWorkgroups", () => counts.dispatches++),
    watch(GPUCommandEncoder, "beginComputePass", () => counts.passes++),
    watch(GPUQueue, "submit", () => counts.submits++),
    watch(GPUQueue, "writeBuffer", () => counts.writes++),
    watch(GPUBuffer, "mapAsync", () => counts.reads++),
    watch(GPUDevice, "createBindGroup", () => counts.bindGroups++),
    watch(GPUDevice, "createComputePipeline", () => counts.pipelines++),
    watch(GPUDevice, "createComputePipelineAsync", () => counts.pipelines++),
    watch(GPUDevice, "createBuffer", ({ size }) => {
      counts.buffers++
      counts.bufferBytes += size
    }),
  ]
  return () => {
    for (const each of undo) each()
    return counts
  }
}

function watch({ prototype }, name, note) {
  const method = prototype[name]
  prototype[name] = function (...args) {
    note(...args)
    return method.apply(this, args)
  }
  return () => {
    prototype[name] = method
  }
}
