import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { writeAtomically } from "@lllite/runtime-node/files"
import type { Job } from "./job.ts"
import { JOB_KINDS, JOB_STATES } from "./job.ts"

/** Jobs on disk, a file for each. */
export interface JobStore {
  /** The jobs of earlier runs, by their order. */
  readonly jobs: readonly Job[]
  /** Files that are not jobs. They are renamed to `NAME.broken` and kept. */
  readonly broken: readonly string[]
  /** Writes a job. When it resolves, the job is on the disk. */
  save(job: Job): Promise<void>
  remove(id: string): Promise<void>
  /** The folder in which a job works. */
  folderOf(id: string): string
}

/** Opens the jobs of a folder, which is made if it is missing. @throws InputError when it cannot be used */
export async function openJobStore(root: string): Promise<JobStore> {
  const [folder, work] = [join(root, "jobs"), join(root, "work")]
  await mkdir(folder, { recursive: true })
  await mkdir(work, { recursive: true })
  const jobs: Job[] = []
  const broken: string[] = []
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".json")) continue
    const path = join(folder, name)
    const job = readJob(await readFile(path, "utf8"))
    if (job !== null && `${job.id}.json` === name) jobs.push(job)
    else {
      await rename(path, `${path}.broken`)
      broken.push(path)
    }
  }
  const pathOf = (id: string): string => join(folder, `${id}.json`)
  return {
    jobs: jobs.sort((a, b) => a.sequence - b.sequence),
    broken,
    async save(job) {
      await writeAtomically(pathOf(job.id), `${JSON.stringify(job)}\n`)
    },
    async remove(id) {
      await rm(pathOf(id), { force: true })
      await rm(join(work, id), { recursive: true, force: true })
    },
    folderOf: (id) => join(work, id),
  }
}

/** A job out of a file. Null: it is none, such as after a fault of the disk. */
function readJob(text: string): Job | null {
  try {
    const job = JSON.parse(text) as Job
    const isJob =
      /^[0-9a-f-]{36}$/.test(job.id) &&
      JOB_KINDS.includes(job.kind) &&
      JOB_STATES.includes(job.state) &&
      Number.isFinite(job.sequence) &&
      Array.isArray(job.results) &&
      Array.isArray(job.events)
    return isJob ? job : null
  } catch {
    return null
  }
}
