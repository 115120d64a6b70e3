/** A tar archive of files, as POSIX has it. @param pax records that stand before a file, by its name */
export function tarOf(
  files: Readonly<Record<string, Uint8Array | string>>,
  pax: Readonly<Record<string, string>> = {},
): Buffer {
  const parts: Buffer[] = []
  const add = (name: string, bytes: Buffer, type: string): void => {
    const header = Buffer.alloc(512)
    header.write(name.slice(0, 100), 0)
    header.write("0000644\0", 100)
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124)
    header.write("        ", 148)
    header.write(type, 156)
    header.write("ustar\x0000", 257, "latin1")
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148)
    parts.push(header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512))
  }
  for (const [name, contents] of Object.entries(files)) {
    const records = pax[name]
    if (records !== undefined) add("PaxHeader", Buffer.from(records), "x")
    add(name, Buffer.from(contents), "0")
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}
