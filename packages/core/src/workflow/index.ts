/** Workflows of ComfyUI as recipes. */
export { NODE_TYPES, type NodeTypeName } from "./node-types.ts"
export { parseWorkflow } from "./parse.ts"
export { readWorkflow, type WorkflowOptions, type WorkflowPictures } from "./read-workflow.ts"
export { type ApiWorkflow, type UiWorkflow, type WrittenWorkflow, writeWorkflow } from "./write-workflow.ts"
