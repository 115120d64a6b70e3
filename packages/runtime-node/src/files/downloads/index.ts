export { type CachedFile, downloadFolder, listDownloads, purgeDownloads } from "./download-cache.ts"
export { isRemote, type LocalPathOptions, localPath } from "./local-path.ts"
