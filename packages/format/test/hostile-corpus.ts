import type { FormatErrorCode } from "../src/errors.ts"
import { bytesOf, rawFile } from "./raw-file.ts"

/** A file that breaks one rule, and how it has to be refused. */
export interface HostileFile {
  readonly rule: string
  readonly bytes: Uint8Array
  readonly code: FormatErrorCode
  readonly tensor?: string
}

const entry = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`
const one = (dtype: string, shape: string, offsets: string): string => `{"t":${entry(dtype, shape, offsets)}}`
const good = entry('"U8"', "[1]", "[0,1]")
const empty = entry('"U8"', "[0]", "[0,0]")

function refused(
  code: FormatErrorCode,
  rule: string,
  header: string | Uint8Array,
  dataBytes = 0,
  tensor?: string,
): HostileFile {
  return { rule, code, bytes: rawFile(header, dataBytes), ...(tensor === undefined ? {} : { tensor }) }
}

/** Hand-made files, each of them one byte or number away from a good one. */
export const HOSTILE_FILES: readonly HostileFile[] = [
  // The length
  { rule: "no bytes at all", code: "file-too-short", bytes: new Uint8Array(0) },
  { rule: "seven bytes", code: "file-too-short", bytes: new Uint8Array(7) },
  { rule: "a header one byte over the limit", code: "header-too-long", bytes: rawFile("{}", 0, 100_000_001n) },
  { rule: "a header of 2^64 - 1 bytes", code: "header-too-long", bytes: rawFile("{}", 0, 0xffff_ffff_ffff_ffffn) },
  { rule: "a header of 2^53 bytes", code: "header-too-long", bytes: rawFile("{}", 0, 1n << 53n) },
  { rule: "a header one byte longer than the file", code: "header-truncated", bytes: rawFile("{}", 0, 3n) },
  { rule: "a header far longer than the file", code: "header-truncated", bytes: rawFile("{}", 0, 100_000_000n) },

  // The text
  refused("header-syntax", "an empty header", ""),
  refused("header-syntax", "nothing but spaces", "        "),
  refused("header-syntax", "a byte order mark", bytesOf("\\xef\\xbb\\xbf{}")),
  refused("header-syntax", "UTF-16", bytesOf("{\\x00}\\x00")),
  refused("header-utf8", "a stray continuation byte in a name", bytesOf(`{"\\x80":${empty}}`)),
  refused("header-utf8", "an overlong encoding in a name", bytesOf(`{"\\xc0\\xaf":${empty}}`)),
  refused("header-utf8", "a surrogate encoded as UTF-8", bytesOf(`{"\\xed\\xa0\\x80":${empty}}`)),
  refused("header-utf8", "a code point above U+10FFFF", bytesOf(`{"\\xf4\\x90\\x80\\x80":${empty}}`)),
  refused("header-utf8", "a sequence cut by the closing quote", bytesOf(`{"\\xe2\\x82":${empty}}`)),
  refused("header-utf8", "bad bytes in a metadata value", bytesOf('{"__metadata__":{"k":"\\xff"}}'), 0, "__metadata__"),
  refused("header-utf8", "bad bytes far into a long name", bytesOf(`{"${"n".repeat(500)}\\xff":${empty}}`)),

  // JSON
  refused("header-syntax", "an array", "[]"),
  refused("header-syntax", "null", "null"),
  refused("header-syntax", "a string", '"t"'),
  refused("header-syntax", "a second value after the first", "{}{}"),
  refused("header-syntax", "a zero byte after the object", bytesOf("{}\\x00")),
  refused("header-syntax", "a form feed as whitespace", bytesOf("\\x0c{}")),
  refused("header-syntax", "a no-break space as whitespace", "\u00a0{}"),
  refused("header-syntax", "a comma before the closing brace", `{"t":${good},}`, 1),
  refused("header-syntax", "a comma at the beginning", `{,"t":${good}}`, 1),
  refused("header-syntax", "two commas", `{"s":${empty},,"t":${good}}`, 1),
  refused("header-syntax", "no comma between entries", `{"s":${empty}"t":${good}}`, 1),
  refused("header-syntax", "no colon after a name", `{"t"${good}}`, 1, "t"),
  refused("header-syntax", "an equals sign for a colon", `{"t"=${good}}`, 1, "t"),
  refused("header-syntax", "a name without quotes", `{t:${good}}`, 1),
  refused("header-syntax", "a name in single quotes", `{'t':${good}}`, 1),
  refused("header-syntax", "a comment", `{/**/"t":${good}}`, 1),
  refused("header-syntax", "no closing brace", `{"t":${good}`, 1),
  refused("header-syntax", "an end inside a name", '{"t'),
  refused("header-string", "an end after a backslash", '{"t\\'),
  refused("header-string", "a line break inside a name", `{"a\nb":${empty}}`),
  refused("header-string", "a zero byte inside a name", `{"a\0b":${empty}}`),
  refused("header-string", "an escape JSON does not have", `{"\\x41":${empty}}`),
  refused("header-string", "an escape of three digits", `{"\\u041":${empty}}`),
  refused("header-string", "an escape with a plus sign", `{"\\u+041":${empty}}`),
  refused("header-string", "an escape with a letter after f", `{"\\u004g":${empty}}`),
  refused("header-string", "an escape with a letter before a", `{"\\u004\`":${empty}}`),
  refused("header-string", "the first half of a surrogate pair alone", `{"\\ud83d":${empty}}`),
  refused("header-string", "the second half of a surrogate pair alone", `{"\\ude00":${empty}}`),
  refused("header-string", "two first halves", `{"\\ud83d\\ud83d":${empty}}`),
  refused("header-string", "a first half and a letter", `{"\\ud83d\\u0041":${empty}}`),

  // Duplicates
  refused("header-duplicate", "a name twice", `{"t":${empty},"t":${good}}`, 1, "t"),
  refused("header-duplicate", "a name twice, once escaped", `{"t":${empty},"\\u0074":${good}}`, 1, "t"),
  refused("header-duplicate", "a pair twice, once escaped", `{"😀":${empty},"\\ud83d\\ude00":${good}}`, 1, "😀"),
  refused("header-duplicate", "__proto__ twice", `{"__proto__":${empty},"__proto__":${good}}`, 1, "__proto__"),
  refused("header-duplicate", "metadata twice", '{"__metadata__":{},"__metadata__":{}}', 0, "__metadata__"),
  refused("header-duplicate", "null metadata twice", '{"__metadata__":null,"__metadata__":{}}', 0, "__metadata__"),
  refused("header-duplicate", "a metadata key twice", '{"__metadata__":{"a":"1","a":"2"}}', 0, "__metadata__"),
  refused(
    "header-duplicate",
    "dtype twice",
    '{"t":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    0,
    "t",
  ),
  refused(
    "header-duplicate",
    "shape twice",
    '{"t":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}',
    0,
    "t",
  ),
  refused(
    "header-duplicate",
    "data_offsets twice",
    '{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"data_offsets":[0,0]}}',
    0,
    "t",
  ),

  // Metadata
  refused("metadata", "a number as metadata", '{"__metadata__":1}', 0, "__metadata__"),
  refused("metadata", "an array as metadata", '{"__metadata__":[]}', 0, "__metadata__"),
  refused("metadata", "a number as metadata value", '{"__metadata__":{"a":1}}', 0, "__metadata__"),
  refused("metadata", "null as metadata value", '{"__metadata__":{"a":null}}', 0, "__metadata__"),
  refused("metadata", "an object as metadata value", '{"__metadata__":{"a":{}}}', 0, "__metadata__"),
  refused("header-syntax", "metadata without an end", '{"__metadata__":{"a":"b"', 0, "__metadata__"),

  // Entries
  refused("tensor-entry", "null for a tensor", '{"t":null}', 0, "t"),
  refused("tensor-entry", "an array for a tensor", '{"t":["U8",[0],[0,0]]}', 0, "t"),
  refused("tensor-entry", "an empty entry", '{"t":{}}', 0, "t"),
  refused("tensor-entry", "no dtype", '{"t":{"shape":[0],"data_offsets":[0,0]}}', 0, "t"),
  refused("tensor-entry", "no shape", '{"t":{"dtype":"U8","data_offsets":[0,0]}}', 0, "t"),
  refused("tensor-entry", "no data_offsets", '{"t":{"dtype":"U8","shape":[0]}}', 0, "t"),
  refused("tensor-entry", "an unknown field", '{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}', 0, "t"),
  refused("tensor-entry", "a field in other letters", '{"t":{"Dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0, "t"),
  refused("tensor-entry", "a number as shape", one('"U8"', "1", "[0,1]"), 1, "t"),
  refused("tensor-entry", "an object as data_offsets", one('"U8"', "[0]", '{"0":0,"1":0}'), 0, "t"),
  refused("tensor-entry", "one offset", one('"U8"', "[0]", "[0]"), 0, "t"),
  refused("tensor-entry", "no offsets", one('"U8"', "[0]", "[]"), 0, "t"),
  refused("tensor-entry", "three offsets", one('"U8"', "[0]", "[0,0,0]"), 0, "t"),
  refused("header-syntax", "a number as dtype", one("8", "[0]", "[0,0]"), 0, "t"),
  refused("dtype-unknown", "an unknown dtype", one('"F128"', "[0]", "[0,0]"), 0, "t"),
  refused("dtype-unknown", "a dtype in small letters", one('"f32"', "[0]", "[0,0]"), 0, "t"),
  refused("dtype-unknown", "an empty dtype", one('""', "[0]", "[0,0]"), 0, "t"),
  refused("dtype-unknown", "constructor as dtype", one('"constructor"', "[0]", "[0,0]"), 0, "t"),
  refused("dtype-unknown", "__proto__ as dtype", one('"__proto__"', "[0]", "[0,0]"), 0, "t"),

  // Numbers
  refused("header-number", "a size of 1.0", one('"U8"', "[1.0]", "[0,1]"), 1, "t"),
  refused("header-number", "a size of 1e0", one('"U8"', "[1e0]", "[0,1]"), 1, "t"),
  refused("header-number", "a size of 1E0", one('"U8"', "[1E0]", "[0,1]"), 1, "t"),
  refused("header-number", "a size of -0", one('"U8"', "[-0]", "[0,0]"), 0, "t"),
  refused("header-number", "a size of -1", one('"U8"', "[-1]", "[0,1]"), 1, "t"),
  refused("header-number", "a size of 01", one('"U8"', "[01]", "[0,1]"), 1, "t"),
  refused("header-number", "an offset of 1.0", one('"U8"', "[1]", "[0,1.0]"), 1, "t"),
  refused("header-number", "an offset of -0", one('"U8"', "[1]", "[-0,1]"), 1, "t"),
  refused("header-number", "an offset above 2^53", one('"U8"', "[1]", "[0,9007199254740993]"), 1, "t"),
  refused("header-number", "an offset of a hundred digits", one('"U8"', "[1]", `[0,${"9".repeat(100)}]`), 1, "t"),
  refused("header-syntax", "a size of +1", one('"U8"', "[+1]", "[0,1]"), 1, "t"),
  refused("header-syntax", "a hexadecimal size", one('"U8"', "[0x1]", "[0,1]"), 1, "t"),
  refused("header-syntax", "a size in quotes", one('"U8"', '["1"]', "[0,1]"), 1, "t"),
  refused("header-syntax", "NaN as size", one('"U8"', "[NaN]", "[0,1]"), 1, "t"),
  refused("header-syntax", "null as size", one('"U8"', "[null]", "[0,1]"), 1, "t"),
  refused("header-syntax", "a comma after the last size", one('"U8"', "[1,]", "[0,1]"), 1, "t"),

  // Sizes
  refused("shape", "65 dimensions", one('"U8"', `[${"1,".repeat(64)}1]`, "[0,1]"), 1, "t"),
  refused("size-overflow", "2^64 elements", one('"U8"', "[4294967296,4294967296]", "[0,0]"), 0, "t"),
  refused("size-overflow", "an overflow that a zero hides", one('"U8"', "[4294967296,4294967296,0]", "[0,0]"), 0, "t"),
  refused("size-overflow", "2^61 elements of 8 bytes", one('"U64"', "[4503599627370496,512]", "[0,0]"), 0, "t"),
  refused("size-overflow", "an odd number of 4-bit elements", one('"F4"', "[3]", "[0,2]"), 2, "t"),
  refused("size-overflow", "three 6-bit elements", one('"F6_E2M3"', "[3]", "[0,3]"), 3, "t"),
  refused("size-mismatch", "a byte too many for the shape", one('"U8"', "[1]", "[0,2]"), 2, "t"),
  refused("size-mismatch", "a byte too few for the shape", one('"F32"', "[1]", "[0,3]"), 3, "t"),
  refused("size-mismatch", "a scalar without data", one('"F32"', "[]", "[0,0]"), 0, "t"),

  // Places
  refused("offset-order", "an end before its beginning", one('"U8"', "[0]", "[1,0]"), 1, "t"),
  refused("offset-hole", "a byte before the first tensor", one('"U8"', "[1]", "[1,2]"), 2, "t"),
  refused("offset-hole", "a byte between two tensors", `{"s":${good},"t":${entry('"U8"', "[1]", "[2,3]")}}`, 3, "t"),
  refused("offset-overlap", "two tensors on one byte", `{"s":${good},"t":${good}}`, 1, "t"),
  refused(
    "offset-overlap",
    "tensors that share one byte of three",
    `{"s":${entry('"U8"', "[2]", "[0,2]")},"t":${entry('"U8"', "[2]", "[1,3]")}}`,
    3,
    "t",
  ),
  refused(
    "offset-overlap",
    "an overlap that leaves a hole elsewhere",
    `{"s":${entry('"U8"', "[2]", "[0,2]")},"t":${entry('"U8"', "[1]", "[1,2]")}}`,
    4,
    "t",
  ),
  refused(
    "offset-hole",
    "an empty tensor behind the data",
    `{"s":${good},"t":${entry('"U8"', "[0]", "[2,2]")}}`,
    2,
    "t",
  ),
  refused(
    "offset-overlap",
    "an empty tensor inside another",
    `{"s":${entry('"U8"', "[2]", "[0,2]")},"t":${entry('"U8"', "[0]", "[1,1]")}}`,
    2,
    "t",
  ),
  refused("data-truncated", "a file that ends one byte early", one('"U8"', "[2]", "[0,2]"), 1, "t"),
  refused(
    "data-truncated",
    "a tensor of 8 TB in a small file",
    one('"F64"', "[1099511627776]", "[0,8796093022208]"),
    8,
    "t",
  ),
  refused("data-trailing", "a byte after the last tensor", `{"t":${good}}`, 2),
  refused("data-trailing", "data without tensors", "{}", 1),
]

/** Entries that break a rule by themselves, in any header. */
const BAD_ENTRIES: readonly (readonly [code: FormatErrorCode, rule: string, entry: string])[] = [
  ["tensor-entry", "no object", "null"],
  ["tensor-entry", "no dtype", '{"shape":[0],"data_offsets":[0,0]}'],
  ["tensor-entry", "an unknown field", '{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":{}}'],
  ["dtype-unknown", "an unknown dtype", entry('"Q4"', "[0]", "[0,0]")],
  ["header-number", "a size of 1.0", entry('"U8"', "[1.0]", "[0,1]")],
  ["header-duplicate", "shape twice", '{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}'],
  ["size-overflow", "2^64 elements", entry('"U8"', "[4294967296,4294967296]", "[0,0]")],
  ["size-mismatch", "a byte too many", entry('"U8"', "[1]", "[0,2]")],
  ["offset-order", "an end before its beginning", entry('"U8"', "[0]", "[1,0]")],
  ["data-truncated", "data behind the end", entry('"U8"', "[9]", "[0,9]")],
  ["header-syntax", "no comma between fields", '{"dtype":"U8""shape":[0],"data_offsets":[0,0]}'],
]

/** Two rules broken in one file: the first one in the file is the one that is named. */
export const HOSTILE_PAIRS: readonly HostileFile[] = BAD_ENTRIES.flatMap(([code, first, a]) =>
  BAD_ENTRIES.map(([, second, b]) => refused(code, `${first}, then ${second}`, `{"a":${a},"b":${b}}`, 2, "a")),
)
