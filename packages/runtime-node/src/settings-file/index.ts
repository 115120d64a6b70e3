// Files of settings: their encoding, their syntax, and the lines of their keys. Loads no TensorFlow.js.
export { looksLikeJson, parseJson } from "./parse-json.ts"
export { parseToml, type Toml } from "./parse-toml.ts"
export { readSettingsText, type SettingsText } from "./read-settings-text.ts"
export { type TomlValue, tomlText } from "./toml-text.ts"
