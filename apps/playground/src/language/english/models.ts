import { listed } from "./counted.ts"

/** Words of the model: its button, its panel, other models, and what the browser keeps. */
export const models = {
  starting: "starting …",
  notStarted: "not started",
  loading: "loading …",
  downloading: "downloading",
  loadingFile: "loading",
  /** @param total null: it is not known */
  megabytes: (done: string, total: string | null): string => (total === null ? `${done} MB` : `${done} of ${total} MB`),
  failed: (cause: string): string => `The model could not be started: ${cause}`,
  useWasm: "Use WebAssembly instead",
  tryAgain: "Try again",
  holds: (task: string, model: string): string => `${task} works with ${model}. Stop it first, and open this again.`,
  aTraining: "A training",
  aboutTiny: "It is part of this page. It draws one or two coloured shapes on white paper, and knows few words.",
  // A version such as "tfjs 4.22.0, WebAssembly, one thread" names the backend, too.
  runsOn: (backend: string, version: string): string =>
    `Runs on ${listed([backend, ...version.split(", ").filter((part) => part !== backend)])}.`,
  precision: "Precision",
  precisions: { F32: "float32", F16: "float16, less memory" },
  precisionHint: "float16 changes pictures a little. A choice starts the model again.",
  startAgain: "Start the model again",
  backToTiny: "Back to the tiny SDXL",
  stopLoading: "Stop loading",
  private: "Your drawings and files never leave this tab.",
  anotherVae: "Another VAE",
  vaeNamed: (name: string): string => `VAE: ${name}`,
  ownVae: "Its own again",
  isReady: (name: string): string => `${name} is ready.`,
  // another model
  openAnother: "Open another SDXL",
  openNote: "A checkpoint on your disk is read in place. A download is kept here, and continued if it breaks off.",
  openCheckpoint: "Open a checkpoint",
  address: "Address, or name on the Hugging Face Hub",
  addressExample: "owner/name:file.safetensors",
  look: "Look",
  notAnAddress: (text: string): string =>
    `“${text}” is neither an address that begins with https:// nor a name on the Hugging Face Hub, such as owner/name or owner/name:file.safetensors.`,
  readingHeader: "Reading its header …",
  smallSdxl: "A small SDXL, like that of this page",
  sdxlCheckpoint: "An SDXL checkpoint",
  ofSize: (what: string, size: string): string => `${what}, ${size}.`,
  pictureSize: "Size of pictures",
  download: (size: string): string => `Download ${size} and open`,
  openIt: "Open it",
  noBackend: "no backend runs in this browser, so no model can be opened.",
  // memory
  needs: "Needs",
  has: "Has",
  roomUnknown: "what the browser does not say",
  needNote: (side: number, weights: string, training: string): string =>
    `For pictures of ${side} px. Weights take ${weights} of it. Training needs ${training}.`,
  // what is kept
  kept: (size: string): string => `Kept in this browser, ${size}`,
  checkpointOf: (size: string, total: string | null, isWhole: boolean): string =>
    `Checkpoint, ${size}${total === null ? "" : ` of ${total}`}${isWhole ? "" : ", not complete"}`,
  networkOf: (kind: string, size: string): string => `${kind}, ${size}`,
  use: "Use",
  open: "Open",
  continue: "Continue",
  keepsNothing: "this browser keeps nothing for the page",
  olderTab: "another tab has an older version of this page open. Close it",
  databaseClosed: "the browser's database does not open",
  notWritten: "the browser did not write",
  noRoom: "the browser did not write: it has no room",
}
