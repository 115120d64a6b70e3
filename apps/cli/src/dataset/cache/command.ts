import { defineCommand } from "../../command/command.ts"
import { STOPPING, watched } from "../../command/watched.ts"
import { localModels } from "../../model/local-models.ts"
import { fanOutOf } from "../../pieces/fan-out.ts"
import { untilStopped } from "../../terminal/until-stopped.ts"
import { CACHE_GROUPS, CACHE_OPTIONS } from "./options.ts"
import { readCacheSettings } from "./settings.ts"

/** What a user reads who stops the command. */
const STOPPED = "stopped. Complete files stay, and the same command continues"

/** `lllite dataset cache` */
export const cacheCommand = defineCommand({
  name: "dataset cache",
  saysNotes: true,
  description:
    "Encode the pictures and captions of a data set into .npz files beside the pictures, as train does with cache_latents_to_disk and cache_text_encoder_outputs_to_disk. Without these options, both are made. Started again, it continues. With --redis and --store, workers encode. Other options of train are accepted and not read.",
  options: CACHE_OPTIONS,
  groups: CACHE_GROUPS,
  configFile: "config_file",
  endsItself: true,
  run: (given, _, signal) =>
    watched(signal, STOPPING.ends, async (reporter) => {
      const reader = await localModels(given, ["pretrainedModelNameOrPath", "vae", "unet"], reporter, signal)
      const settings = readCacheSettings(reader)
      const fanOut = await fanOutOf(reader.settings)
      const { examineCaches, runCache } = await import("./run.ts")
      const dataset = await untilStopped(examineCaches(reader, settings, reporter, signal), signal, STOPPED)
      reader.finish()
      if (dataset === null) return
      await untilStopped(runCache(settings, dataset, fanOut, reporter, signal), signal, STOPPED)
    }),
})
