import { counted } from "./counted.ts"

/** Words of the panel Files: what a file is, and what is made of it. */
export const files = {
  title: "A file",
  note: "Open a safetensors file of any size, or drop it here: an LLLite, a LoRA or a checkpoint. It is read in this tab and never leaves it.",
  open: "Open a safetensors file",
  builtIn: "Look at the built-in LLLite",
  reading: (name: string): string => `Reading ${name} …`,
  notRead: (name: string, cause: string): string => `"${name}" could not be read: ${cause}`,
  onlyDescribed: (name: string, what: string): string => `${name} is ${what}. The page can only describe it.`,
  describedAlone:
    "This page can only describe it. It draws with SDXL, and with LLLites, ControlNets, LoRAs and VAEs for it.",
  /** @param kind of `identify`. @param english its own words of the file */
  identity: (_kind: string, english: string): string => english,
  is: (what: string): string => `This is ${what}.`,
  size: "Size",
  bytes: (bytes: number): string => `${bytes.toLocaleString("en")} bytes`,
  parameters: "Parameters",
  parametersOf: (parameters: number, tensors: number): string =>
    `${parameters.toLocaleString("en")} in ${tensors.toLocaleString("en")} tensors`,
  dtypes: "Dtypes",
  none: "none",
  metadata: "Metadata",
  metadataNone: "None.",
  characters: (start: string, count: number): string => `${start} … (${count} characters)`,
  moreNotShown: (count: number): string => `${count} more are not shown.`,
  tensors: "Tensors",
  tensorsShown: (shown: number, count: number): string =>
    `${shown === count ? "All" : `The first ${shown} of`} ${count.toLocaleString("en")}`,
  // a checkpoint
  predicts: "Predicts",
  /** @param saidBy the place in the file that says it, or null */
  prediction: (isVelocity: boolean, isZeroTerminal: boolean, saidBy: string | null): string =>
    `${isVelocity ? "velocity (v-prediction)" : "noise (epsilon)"}${isZeroTerminal ? ", with zero terminal SNR" : ""}` +
    (saidBy === null ? ", as most do. The file does not say it" : `, by ${saidBy}`),
  scales: "Scales",
  scalesOf: (count: number): string => `of ${count} weights, which are applied`,
  notRun: "Not run",
  /** A checkpoint of a kind that is not run. @param english why */
  refused: (english: string): string => english,
  remark: "Note",
  // an LLLite
  name: "Title",
  notReadRow: "Not read",
  extraTensors: (count: number, first: string): string =>
    `${count} tensors that belong to no site. The first is ${first}`,
  control: "Control",
  unet: "U-Net",
  unetSdxl: "of SDXL",
  unetSmall: "smaller than SDXL's, like the one of the tiny SDXL",
  sites: "Sites",
  sitesOf: (count: number, selection: string | null): string =>
    selection === null ? String(count) : `${count}, selection “${selection}”`,
  widths: "Widths",
  widthsOf: (widths: string): string => `${widths} (conditioning / mlp)`,
  useAsControl: "Use as control",
  useAsLora: "Use as LoRA",
  useAsVae: "Use as VAE",
  openAsModel: "Open as model",
  // its health
  needsSdxl: "It needs an SDXL checkpoint. A small model is open now.",
  needsSmall: "It needs a small model, such as the tiny SDXL. A large one is open now.",
  health: "Health",
  healthy: "Its values have no problems.",
  /** @param code of a finding. @param english its advice */
  finding: (_code: string, english: string): string => english,
  block: "Block",
  strength: "Strength",
  controlStrength: "Due to the control",
  healthNote:
    "Strength estimates how much an adapter adds to its layer's input. The input itself counts as 1. The last column is the part that depends on the control. The figures rank blocks and find blocks without effect. They do not predict how a picture looks.",
  // tools
  tools: "Make another file of it",
  tool: "Tool",
  convert: "Convert",
  resize: "Resize",
  merge: "Merge",
  compare: "Compare",
  convertNote: "Its tensors get another dtype. Its metadata stays.",
  dtype: "Dtype",
  convertRun: "Convert and save",
  resizeNote:
    "A wider LLLite computes the same. A narrower one keeps what predicts the rest best, and its error is measured.",
  conditioning: "Conditioning",
  mlp: "MLP",
  resizeRun: "Resize and save",
  mergeNote: "The average of two LLLites of one training. Of different trainings it has little effect.",
  share: "Share of the second",
  mergeRun: "Merge and save",
  compareNote: "How another LLLite differs, site by site.",
  openSecond: "Open the second file",
  anotherSecond: "Another second file",
  making: "Making the file",
  notChanged: (cause: string): string => `The file could not be changed: ${cause}.`,
  workerNotLoaded: "its worker was not loaded",
  noFile: "no file is open, expected at least two.",
  saved: (name: string, size: string): string => `${name} is saved, ${size}.`,
  converted: (converted: number, count: number, dtype: string): string =>
    `${converted} of ${count} tensors are ${dtype} now.`,
  dtypesKept: (count: number, first: string): string =>
    `${count} tensors of other dtypes stay as they are, such as ${first}.`,
  computesTheSame: "It computes the same as the file.",
  sampleError: (median: string, largest: string): string =>
    `On samples its error is ${median} at the median site, and at most ${largest}.`,
  samplesAreNotPictures: "Samples are not pictures. Draw some before you use it.",
  merged: (parts: readonly string[]): string => `It is ${parts.join(" + ")}.`,
  // the difference of two
  same: (first: string, second: string): string => `${first} and ${second} hold the same values and metadata.`,
  sitesInBoth: (count: number, differing: number): string =>
    `${counted(count, "site")} in both files. ${differing} of them differ.`,
  onlyIn: (name: string, count: number): string => `Only in ${name}: ${counted(count, "site")}.`,
  site: "Site",
  parametersColumn: "Parameters",
  cosine: "Cosine",
  outputs: "Outputs",
  otherWidths: "other widths",
  notThere: "not there",
}
