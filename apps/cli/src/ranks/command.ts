import { defineCommand } from "../command/command.ts"
import { withPackage } from "../command/optional-package.ts"
import { STOPPING, watched } from "../command/watched.ts"
import { localModels } from "../model/local-models.ts"
import { TRAIN_OPTIONS } from "../train/options/index.ts"
import { RANK_GROUPS, RANK_OPTIONS } from "./options.ts"

/** `lllite rank` */
export const rankCommand = defineCommand({
  name: "rank",
  description:
    "Compute steps of a training that runs elsewhere, until it ends. The training listens at the address by --rank_address. It needs the package @lllite/ranks.",
  positionals: { text: "<host:port>", min: 1 },
  options: RANK_OPTIONS,
  groups: RANK_GROUPS,
  configFile: "config_file",
  configOf: TRAIN_OPTIONS,
  endsItself: true,
  run: (given, [address = ""], signal) =>
    watched(signal, STOPPING.ends, async (reporter) => {
      const reader = await localModels(given, ["pretrainedModelNameOrPath", "vae", "unet"], reporter, signal)
      const settings = reader.finish()
      const { workAsRank } = await withPackage("@lllite/ranks", "ranks", () => import("./run.ts"))
      await workAsRank(address, settings, reporter, signal)
    }),
})
