/** What the system's refusals mean and what to do about them, by their codes. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder. Check the path.",
  EACCES: "permission was refused. Check who may read and write there.",
  EPERM: "the system does not allow it. Check who may read and write there.",
  EISDIR: "it is a folder, expected a file. Give the path of a file.",
  ENOTDIR: "a part of the path is a file, expected folders. Check the path.",
  EEXIST: "it exists already. Choose another name.",
  ENOTEMPTY: "the folder is not empty. Choose another one.",
  ENOSPC: "the disk is full. Make room or choose another place.",
  EDQUOT: "your share of the disk is used up. Make room or choose another place.",
  EFBIG: "the file would be larger than the system allows here. Raise the limit (ulimit -f), or choose another place.",
  EROFS: "the file system is read-only. Choose another place.",
  EMFILE: "too many files are open. Close some programs, or raise the limit (ulimit -n).",
  ENFILE: "too many files are open on this machine. Close some programs, or raise the limit.",
  ENAMETOOLONG: "the name is too long. Choose a shorter one.",
  ELOOP: "its symbolic links lead in a circle. Check the links.",
  ENXIO: "it is a device or socket without an other end, expected a file. Give the path of a file.",
  ENODEV: "it is a device that is not there, expected a file. Give the path of a file.",
  EBUSY: "another program uses it. End that program, or choose another place.",
  ETXTBSY: "another program runs it. End that program, or choose another place.",
  EIO: "the disk reported an error. Check the disk, or choose another place.",
  ESTALE: "the network drive lost the file. Connect the drive again.",
  ENOTCONN: "the network drive is not connected. Connect it again.",
  ETIMEDOUT: "the network drive did not answer in time. Connect it again.",
  ENOTSUP: "the file system takes no new folder here. Choose another place.",
  EXDEV: "the two paths are on different disks. Choose a place on the same disk.",
  EILSEQ: "the file system cannot store this name. Choose another one.",
  EINVAL: "the system does not accept this name or this place. Choose another one.",
  ENOMEM: "the system has no memory left. Close some programs.",
  EAGAIN: "the system has no room for another thread or process. Close some programs, or raise the limit (ulimit -u).",
  EPIPE: "the reader at the other end has closed it. Try again.",
  ERR_INVALID_ARG_VALUE: "a path cannot hold a NUL character. Check the path.",
  ERR_FS_FILE_TOO_LARGE: "the file is too large to be read at once, at most 2 GiB. Give another file.",
  ERR_STRING_TOO_LONG: "the file is too large for a text, at most 512 MiB. Give another file.",
  ERR_WORKER_OUT_OF_MEMORY: "the memory of JavaScript is full. Raise it (NODE_OPTIONS=--max-old-space-size=8192).",
  ERR_WORKER_INIT_FAILED:
    "the system has no room for another thread. Close some programs, or raise the limit (ulimit -u).",
}

/**
 * What a refusal of the system means and what to do, as a sentence. Null for other errors, and for a code that this
 * table does not have.
 */
export function systemReason(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null
  return Object.hasOwn(REASONS, error.code) ? (REASONS[error.code] ?? null) : null
}
