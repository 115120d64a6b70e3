import type { Settings } from "@lllite/runtime-node/options"
import { file, texts } from "@lllite/runtime-node/options"

/** Options that take pictures from a workflow or from another picture. Options beside them win. */
export const SOURCE_OPTIONS = {
  workflow: file({
    help: "Workflow of ComfyUI that is run: JSON as its page saves it or exports it as API, or a PNG that holds one. Other options win over it.",
  }),
  from: file({
    help: "PNG whose text says how it was made, which is made again. Other options win over it.",
  }),
  models_dir: texts({
    valueName: "folder",
    help: "Folders in which files of workflows and pictures are looked up: ComfyUI's, its models, A1111's, or one with all files.",
  }),
  extra_model_paths_config: file({
    help: "ComfyUI's extra_model_paths.yaml, with further folders. One in ComfyUI's folder is read anyway.",
  }),
  save_workflow: file({
    help: "File to write for ComfyUI: the workflow of the first picture. A name that ends in .api.json gets the API form.",
  }),
} as const

/** Whether the pictures come from a workflow or a picture. */
export function hasSource({
  settings: { workflow, from },
}: {
  readonly settings: Pick<Settings<typeof SOURCE_OPTIONS>, "workflow" | "from">
}): boolean {
  return workflow !== undefined || from !== undefined
}
