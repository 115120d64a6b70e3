// Costs of the host: a dispatch, reading a value back, and copies of bytes to the device and back.
const DISPATCHES = 2000
const ROUNDS = 5
const BUFFERS = 64

const CODE = `
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> sum: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.count) { sum[id.x] = a[id.x] + b[id.x]; }
}`

export async function run({ quick, open, write }) {
  const { device } = await open()
  await dispatches(device, quick ? 200 : DISPATCHES, write)
  await reads(device, quick ? 50 : 500, write)
  await copies(device, 2 ** 20 * (quick ? 4 : 256), write)
}

/** Microseconds of a dispatch: by the clock until everything was handed over, and of the process's CPU time. */
async function dispatches(device, count, write) {
  const module = device.createShaderModule({ code: CODE })
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } })
  const layout = pipeline.getBindGroupLayout(0)
  const params = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST })
  device.queue.writeBuffer(params, 0, Uint32Array.of(1024, 0, 0, 0))
  const buffers = Array.from({ length: BUFFERS }, () =>
    device.createBuffer({ size: 4096, usage: GPUBufferUsage.STORAGE }),
  )
  const makeGroup = (i) =>
    device.createBindGroup({
      layout,
      entries: [params, ...[0, 1, 2].map((k) => buffers[(i + k) % BUFFERS])].map((buffer, binding) => ({
        ...{ binding, resource: { buffer } },
      })),
    })
  const kept = Array.from({ length: BUFFERS }, (_, i) => makeGroup(i))
  for (const groups of ["new", "kept"]) {
    for (const perSubmit of [1, 3, 32, 500]) {
      const rounds = []
      for (let round = 0; round < ROUNDS; round++) {
        const [cpu, since] = [process.cpuUsage(), performance.now()]
        for (let i = 0; i < count; ) {
          const encoder = device.createCommandEncoder()
          const pass = encoder.beginComputePass()
          pass.setPipeline(pipeline)
          for (const end = Math.min(i + perSubmit, count); i < end; i++) {
            pass.setBindGroup(0, groups === "new" ? makeGroup(i) : kept[i % BUFFERS])
            pass.dispatchWorkgroups(16)
          }
          pass.end()
          device.queue.submit([encoder.finish()])
        }
        const micros = (1000 * (performance.now() - since)) / count
        const { user, system } = process.cpuUsage(cpu)
        await device.queue.onSubmittedWorkDone()
        const toTheEnd = (1000 * (performance.now() - since)) / count
        rounds.push({ micros, cpuMicros: (user + system) / count, toTheEnd })
      }
      const middle = (key) => round(median(rounds.map((each) => each[key])))
      write({
        ...{ what: "dispatch", groups, perSubmit, dispatches: count },
        ...{ micros: middle("micros"), cpuMicros: middle("cpuMicros"), microsToTheEnd: middle("toTheEnd") },
      })
    }
  }
}

/** Milliseconds of reading four bytes back: one after another, and many at once. */
async function reads(device, count, write) {
  const source = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST })
  const targets = Array.from({ length: count }, () =>
    device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
  )
  const read = async (target) => {
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(source, 0, target, 0, 16)
    device.queue.submit([encoder.finish()])
    await target.mapAsync(GPUMapMode.READ)
    const [value] = new Uint32Array(target.getMappedRange())
    target.unmap()
    return value
  }
  const each = []
  for (const [i, target] of targets.entries()) {
    device.queue.writeBuffer(source, 0, Uint32Array.of(i, 0, 0, 0))
    const since = performance.now()
    const value = await read(target)
    each.push(performance.now() - since)
    if (value !== i) throw new Error(`read ${value} back, expected ${i}`)
  }
  const since = performance.now()
  await Promise.all(targets.map(read))
  const together = performance.now() - since
  write({ what: "read", reads: count, oneByOneMs: round(median(each)), allAtOnceMs: round(together / count) })
}

/** GB/s of one large buffer: written, copied on the device, and read back. */
async function copies(device, wanted, write) {
  const bytes = Math.min(wanted, device.limits.maxBufferSize)
  const both = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const [a, b] = [0, 1].map(() => device.createBuffer({ size: bytes, usage: both }))
  const target = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  const values = new Uint32Array(bytes / 4).map((_, i) => i)
  const copy = (from, to, times) => {
    const encoder = device.createCommandEncoder()
    for (let i = 0; i < times; i++) encoder.copyBufferToBuffer(from, 0, to, 0, bytes)
    device.queue.submit([encoder.finish()])
  }
  const timed = async (what, times, work) => {
    const rates = []
    // The first round includes the cost of touching new memory.
    for (let i = 0; i <= 3; i++) {
      const since = performance.now()
      await work()
      rates.push((times * bytes) / 1e6 / (performance.now() - since))
    }
    write({ what, bytes, gigabytesPerSecond: round(median(rates.slice(1))), firstTime: round(rates[0]) })
  }
  await timed("write", 1, () => {
    device.queue.writeBuffer(a, 0, values)
    return device.queue.onSubmittedWorkDone()
  })
  await timed("copy on the device", 8, () => {
    copy(a, b, 8)
    return device.queue.onSubmittedWorkDone()
  })
  await timed("read back", 1, async () => {
    copy(b, target, 1)
    await target.mapAsync(GPUMapMode.READ)
    const got = new Uint32Array(target.getMappedRange().slice(0))
    target.unmap()
    if (got[0] !== values[0] || got.at(-1) !== values.at(-1))
      throw new Error("the values read back differ from those sent")
  })
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)]
}

function round(value) {
  return Number(value.toPrecision(4))
}
