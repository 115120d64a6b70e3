import { hasOwnRate } from "@lllite/core/names"
import type { VerdictWords } from "../english/train.ts"
import type { Messages } from "../messages.ts"
import { about, numberText } from "./counted.ts"

const MEASURES = { edges: "エッジ", brightness: "明るさ", slopes: "明暗の変化" } as const

/** "エッジ 0.98（なしでは 0.20）" */
function scores({ measure, with: score, without }: VerdictWords): string {
  return `${MEASURES[measure]} ${score.toFixed(2)}（なしでは ${without.toFixed(2)}）`
}

/** A time in words that does not say more than is known: 40秒, 2分, 3.5時間. */
function duration(seconds: number): string {
  if (seconds < 1) return "1秒"
  if (seconds < 90) return `${seconds < 10 ? Math.ceil(seconds) : 5 * Math.ceil(seconds / 5)}秒`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)}分`
  return `${(seconds / 3600).toLocaleString("ja", { maximumSignificantDigits: 2 })}時間`
}

export const train: Messages["train"] = {
  pairs: "ペア",
  pairsNote:
    "LLLiteは、画像とコントロール画像のペアから学習します。フォルダーや画像をここにドロップしてください。キャプションは、画像と同じ名前の.txtファイルです。コントロール画像は、「conditioning」フォルダーに同じ名前で入れてください。なければ、画像から作ります。",
  noPairs: "ペアがありません。図形、画像、またはフォルダーを追加してください。",
  drawingNumbered: (number) => `図形${number}`,
  controlOf: (name) => `${name}のコントロール`,
  captionOf: (name) => `${name}のキャプション`,
  firstShown: (shown, count) =>
    `${numberText(count)}組のうち最初の${shown}組を表示しています。学習にはすべて使います。`,
  addDrawings: (count) => `図形を${count}組追加`,
  addPictures: "画像を追加",
  addFolder: "フォルダーを追加",
  removeDrawings: (count) => `図形${numberText(count)}組を削除`,
  removeAll: "すべて削除",
  pairsRemoved: (count) => `${numberText(count)}組のペアを削除しました。`,
  pairsAddedLate: (count) => `${numberText(count)}組のペアを追加しました。実行中の学習には使いません。`,
  controlsMadeBy: "コントロール画像の作り方",
  readingPair: (number, count) => `読み込み中 ${number} / ${count}`,
  mixed: (names, kind) =>
    about(
      names,
      "組のペア",
      (subject) =>
        `${subject}のコントロール画像は、ここで${kind}により作られたものです。ファイルのコントロール画像と種類が違う場合は、削除してください。`,
    ),
  title: "学習",
  sizeNote: (side, best) =>
    `ここでのペアは、Tiny SDXLに合わせた${side} × ${side}ピクセルです。${best}ピクセルの画像用のLLLiteを学習するには、「lllite train」コマンドをお使いください。`,
  optimizer: "オプティマイザ",
  schedule: "スケジューラ",
  pieces: "区間（倍率:ステップ, …, 倍率）",
  piecesExpected: () => "「倍率:ステップ, …, 倍率」の形の値（例: 1:100,0.1）",
  seed: "シード",
  moreSettings: "詳細設定",
  strengths: "強度",
  strengthsOf: { range: "0〜1で段階的に", one: "1のみ（sd-scriptsと同じ）" },
  init: "埋め込みの初期値",
  numbers: {
    steps: "ステップ数",
    batchSize: "バッチサイズ",
    learningRate: "学習率",
    condDim: "埋め込みの次元",
    mlpDim: "アダプターの次元",
    dropout: "ドロップアウト",
    minSnrGamma: "Min-SNR gamma",
    minTimestep: "最小タイムステップ",
    maxTimestep: "最大タイムステップ",
    warmupSteps: "ウォームアップのステップ数",
    decaySteps: "減衰のステップ数",
    cycles: "サイクル数",
    power: "指数",
    timescale: "減衰までのステップ数",
    minRatio: "最小学習率の割合",
    endRate: "最終学習率",
    sampleEvery: "サンプルの間隔",
  },
  hints: {
    dropout: "0で無効",
    minSnrGamma: "0で無効、通常は5",
    sampleEvery: "ステップ数。0なら最後だけ",
  },
  optimizerNotes: (optimizer, rate) => {
    const { name } = optimizer
    const findsRate = name === "prodigy" || name.startsWith("dadapt")
    return [
      ...(name.endsWith("8bit") ? [`${name}は8ビットで状態を保持します。LLLiteは小さいため、adamwで十分です。`] : []),
      ...(hasOwnRate(optimizer) ? ["学習率は効きません。adafactorが自動で決めます。"] : []),
      ...(findsRate && rate <= 0.1
        ? [`学習率が${rate}です。${name}は自動で求めた値に学習率を掛けるため、通常は1にします。`]
        : []),
    ]
  },
  ownSchedule: ({ name }) => `${name}は独自のスケジュールを使います。`,
  ownRate: ({ name }) => `${name}は学習率とスケジュールを自動で決めます。`,
  planning: "見積もり中…",
  plan: ({ pairs, heldOut, steps, seconds, mebibytes, fits }) => {
    const held = heldOut === 0 ? "" : `（ほか検証用${heldOut}組）`
    const figures = `${numberText(pairs)}組${held}、${numberText(steps)}ステップ、約${duration(seconds)}、メモリ${numberText(mebibytes)} MiB。`
    return fits
      ? figures
      : `${figures}メモリに収まりません（WebAssemblyは4,096 MiBまで）。バッチサイズか次元を小さくしてください。`
  },
  train: "学習を開始",
  stop: "停止",
  preparing: (done, count) => `ペアを準備中 ${done} / ${count}`,
  step: (step, steps, secondsLeft) =>
    `ステップ ${step} / ${steps}${secondsLeft === null ? "" : `、残り${duration(secondsLeft)}`}`,
  measuring: "LLLiteを評価中",
  lossPlaceholder: "損失（loss）のグラフがここに表示されます。",
  lossLabel: (steps, loss) => `${steps}ステップの損失。現在は${loss}`,
  stepNumbered: (step) => `ステップ ${step}`,
  lossCaption: (window, step, loss) =>
    `各ステップの損失と、直近${window}ステップの平均です。ステップ${step}での損失は${loss}です。`,
  keptRunUnreadable: "保存された学習を読み込めません。破棄して、もう一度学習してください。",
  runLostOnReload: (cause) => `再読み込みすると、この学習は失われます。${cause}`,
  runNotKept: (cause) => `学習を保存できなくなりました。${cause}再読み込みすると失われます。`,
  otherTab: "別のタブでこの学習を続けています。そちらのタブをお使いください。",
  sampleWithoutFailed: (cause) => `LLLiteなしのサンプルを生成できませんでした。${cause}`,
  sampleFailed: (step, cause) => `ステップ${step}のサンプルを生成できませんでした。${cause}`,
  measuringFailed: (cause) => `評価できませんでした。${cause}`,
  samples: "サンプル",
  samplesPlaceholder: "検証用のコントロールで、LLLiteの「なし」と「あり」を並べて表示します。",
  samplePrompt: (prompt) => `プロンプトは「${prompt}」です。`,
  sampleTrained: "ペアが少ないため、学習に使ったコントロールです。結果はあまり参考になりません。",
  sampleHeldOut: "学習には使っていないコントロールです。",
  sampleControl: "サンプルのコントロール画像",
  control: "コントロール",
  sampleWithout: "LLLiteなしのサンプル",
  without: "なし",
  sampleAfter: (step) => `ステップ${step}のサンプル`,
  withStep: (step) => `あり（ステップ${step}）`,
  earlierSamples: "以前のサンプル",
  judging: (step) => `${step}ステップで終了しました。検証用のコントロールに沿うかどうかを調べています…`,
  notMeasured: (step, isListed) =>
    isListed
      ? `ステップ${step}のLLLiteは評価できませんでした。「描く」では、そのまま使います。`
      : `ステップ${step}のLLLiteは評価できなかったため、「描く」では選択していません。`,
  follows: (step, verdict, isListed) =>
    `${step}ステップでLLLiteが完成しました。コントロールに沿っています: ${scores(verdict)}。${isListed ? "「描く」で選択しました。" : ""}`,
  doesNotFollow: (step, verdict, isListed) =>
    `ステップ${step}のLLLiteは、コントロールに沿っていません: ${scores(verdict)}。${isListed ? "未完成ですが、「描く」ではそのまま使います。" : "未完成のため、「描く」では選択していません。"}ステップ数を増やすか、ペアと学習率を見直してください。`,
  figures: {
    edges: "数値はエッジのF1です。1は画像とコントロールのエッジがすべて一致、0はまったく一致しないことを表します。",
    brightness: "数値は明るさの相関です。1は、画像とコントロールの明るい場所が同じことを表します。",
    slopes: "数値は明暗の変化の相関です。1は、明るさの変わる場所が同じことを表します。",
  },
  download: "ダウンロード",
  drawWith: "これで描く",
  drawWithAnyway: "それでも使って描く",
  keptRuns: "保存された学習",
  keptRun: (pairs, step, steps) =>
    `${numberText(pairs)}組、${step === steps ? `全${numberText(steps)}ステップ` : `ステップ ${step} / ${steps}`}、`,
  open: "開く",
  resume: "再開",
  discard: "破棄",
  runDiscarded: "学習の記録を削除しました。",
}
