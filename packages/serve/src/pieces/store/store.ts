/** A place for files that several machines reach. Names are relative, with `/` between their parts. */
export interface Store {
  /** Where it is, without secrets. */
  readonly shown: string
  has(name: string): Promise<boolean>
  /** Null: there is no such file. */
  read(name: string): Promise<Uint8Array | null>
  /**
   * Writes a file, which is there whole or not at all.
   *
   * @param existing what happens to a file of this name. Default: `replace`
   */
  write(name: string, bytes: Uint8Array, existing?: "replace" | "keep"): Promise<void>
  /** Removes a file, if it is there. */
  remove(name: string): Promise<void>
}

/** Where a store is. */
export interface StorePlace {
  /** A folder, or `s3://bucket/prefix`. */
  readonly place: string
  /**
   * The address of an S3-compatible server: `http://127.0.0.1:9000`. Default: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`
   * of the environment, and Amazon's without both
   */
  readonly endpoint?: string | null
}
