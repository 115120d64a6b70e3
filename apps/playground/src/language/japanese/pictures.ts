import { otherFormatHint } from "@lllite/core/image"
import type { Unfollowed } from "../english/pictures.ts"
import type { Messages } from "../messages.ts"
import { about, listed, naming, numberText } from "./counted.ts"

const UNFOLLOWED: Readonly<Record<Unfollowed, string>> = {
  deepShrink: "Deep Shrink",
  deepCache: "DeepCache",
  gradualLatent: "Gradual Latent",
  regions: "領域の指定",
  textualInversions: "Textual Inversion",
  blocks: "ブロックごとの強度",
  guidance: "CFGの指定",
  mask: "マスク",
  guessMode: "guess mode",
  softEnds: "範囲のなめらかな端",
  sigmaCurve: "ノイズ量によるカーブ",
}

/** What a file is that is not a picture, by core's hint: `It is a PDF.` and its like name the format. */
function formatOf(first: Uint8Array): string {
  if (first.length === 0) return "ファイルが空です。"
  const format = /It is an? ([\w ]+)\. Save/.exec(otherFormatHint(first))?.[1]
  return format === undefined ? "" : `${format}形式のファイルです。`
}

export const pictures: Messages["pictures"] = {
  notAPicture: (name, first) =>
    `「${name}」は画像として読み込めません。${formatOf(first)}PNG、JPEG、WebPのいずれかで保存し直してください。`,
  broken: (name) => `「${name}」の画像が壊れています。入手し直すか、保存し直してください。`,
  brokenSvg: (name) => `「${name}」のSVGが壊れています。入手し直すか、PNGで保存してください。`,
  tooLarge: (name, width, height, most) =>
    `「${name}」は${width} × ${height} pxです。1辺は${most} pxまでです。小さくしてください。`,
  otherShape: (name, control, picture) =>
    `「${name}」は${control}、対になる画像は${picture}で、縦横比が違います。元の画像から、切り抜かずに作り直してください。`,
  workerFailed: (cause) => `画像を読み込めませんでした。${cause}ページを再読み込みしてください。`,
  workerNotLoaded: "処理用のファイルを読み込めませんでした。",
  turned: (names) => about(names, "枚の画像", (subject) => `${subject}は、EXIFの向きに合わせて回転しました。`),
  cropped: (names) => about(names, "枚の画像", (subject) => `${subject}は正方形ではないため、中央だけを使います。`),
  transparent: (names) => about(names, "枚の画像", (subject) => `${subject}の透明な部分は白になります。`),
  invisible: (names) => about(names, "枚の画像", (subject) => `${subject}は全体が透明なため、真っ白になります。`),
  stretched: (names) =>
    about(names, "枚の画像", (subject) => `${subject}は対になる画像と縦横比が違うため、引き伸ばして合わせます。`),
  notUsed: (names) =>
    naming(
      names,
      "個のファイル",
      (subject) =>
        `${subject}は使いません。開けるのは、画像、画像と同じ場所のキャプション、1つのsafetensorsファイルです。`,
    ),
  isDrawing: (name) => `「${name}」を線画にしました。`,
  noFile: "ドロップしたものにファイルがありません。",
  underFiles: (name) => `「${name}」の内容は「ファイル」タブにあります。`,
  sheetTakesOne: (names) =>
    naming(names, "個のファイル", (subject) => `${subject}は使いません。キャンバスに開ける画像は1枚です。`),
  entryUnreadable: (path, cause) =>
    `「${path}」を読み込めません。${cause}ファイルがあるか確認して、もう一度ドロップしてください。`,
  settingsUnreadable: (name, cause) => `「${name}」の設定を読み取れません。${cause}`,
  settingsSet: (name) => `「${name}」の設定を反映しました。`,
  noPictureInWorkflow: "ワークフローに画像の生成がありません。",
  severalInWorkflow: "ワークフローが複数の画像を生成します。最初の画像の設定を使います。",
  startMissing: "元画像は含まれていません。",
  linkUnreadable: (cause) => `リンクの設定を読み取れません。${cause}リンク全体をコピーし直してください。`,
  linkSet: "リンクの設定を反映しました。",
  linkTooLong: "リンクが長すぎます。",
  linkCut: "リンクが途中で切れているか、壊れています。",
  named: (name) => `「${name}」`,
  theTiny: "Tiny SDXL",
  otherFile: (name) => `「${name}」という名前の別のファイルで生成された画像です。`,
  otherModel: (made, here) => `${made}で生成された画像です。ここでは${here}で描きます。`,
  vaeNotOpen: (name) => `VAE「${name}」が開かれていません。`,
  otherSize: (width, height, side) =>
    `${width} × ${height}ピクセルで生成された画像です。ここでは${side} × ${side}になります。`,
  networkNotOpen: (what, name) =>
    `${what}「${name}」が開かれていないため、省きます。そのファイルを開いてから、もう一度開いてください。`,
  blocksNotFollowed: (name) => `「${name}」のブロックごとの強度には対応していません。`,
  notFollowed: (what) => `次の設定には対応していません: ${listed(what.map((one) => UNFOLLOWED[one]))}。`,
  notFollowedOf: (name, what) =>
    `「${name}」の次の設定には対応していません: ${listed(what.map((one) => UNFOLLOWED[one]))}。`,
  noPreprocessor: (name) => `プリプロセッサ${name}がないため、cannyを使います。`,
  unreadFormats: (names) =>
    naming(names, "枚の画像", (subject) => `${subject}は対応していない形式です。PNGで保存し直してください。`),
  noControlPicture: (names) =>
    naming(
      names,
      "枚の画像",
      (subject) =>
        `${subject}は、コントロール画像がないため使いません。コントロールのフォルダーに同じ名前の画像が必要です。`,
    ),
  unusedControl: (names) =>
    naming(names, "枚のコントロール画像", (subject) => `${subject}は、同じ名前の画像がないため使いません。`),
  doubledControl: (names) =>
    naming(
      names,
      "枚のコントロール画像",
      (subject) => `${subject}は使いません。同じ名前で拡張子の違う画像を先に使います。`,
    ),
  unusedCaption: (names) =>
    naming(names, "個のキャプション", (subject) => `${subject}は、同じ名前の画像がないため使いません。`),
  neither: (names) =>
    naming(names, "個のファイル", (subject) => `${subject}は、画像でもキャプションでもないため使いません。`),
  cutCaption: (names) => about(names, "個のキャプション", (subject) => `${subject}は複数行あり、1行目だけを使います。`),
  noCaption: (names) =>
    about(
      names,
      "枚の画像",
      (subject) => `${subject}にはキャプションのファイルがないため、ファイル名をキャプションにします。`,
    ),
  captionTooLong: (path, bytes) => `「${path}」は${numberText(bytes)}バイトあり、キャプションではありません。`,
  captionNotUtf8: (path) => `「${path}」はUTF-8ではありません。UTF-8で保存し直してください。`,
  captionEmptyLine: (path) => `「${path}」の1行目が空です。1行目にキャプションを書いてください。`,
  pairsUnreadable: (count, first) => `${count}組のペアは読み込めないため、省きます。最初の問題: ${first}`,
}
