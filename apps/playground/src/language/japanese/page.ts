import type { Messages } from "../messages.ts"
import { listed } from "./counted.ts"
import { FAILURES } from "./failures.ts"
import { noticeText } from "./notices.ts"

export const page: Messages["page"] = {
  title: "LLLite プレイグラウンド",
  space: "",
  list: listed,
  language: "言語",
  parts: "ページの切り替え",
  draw: "描く",
  train: "学習",
  files: "ファイル",
  loading: "読み込み中…",
  partNotLoaded: (cause) => `ページの一部を読み込めませんでした。${cause}ページを再読み込みしてください。`,
  remove: "削除",
  removeNamed: (name) => `${name}を削除`,
  removed: (name) => `${name}を削除しました。`,
  stop: "停止",
  close: "閉じる",
  hide: "メッセージを閉じる",
  undo: "元に戻す",
  undoNamed: (change) => `元に戻す: ${change}`,
  expected: (what) => `${what}を入力してください。`,
  range: ({ integer = false, min, above, max, below }) => {
    const what = integer ? "整数" : "数値"
    if (min !== undefined && max !== undefined) return `${min}〜${max}の${what}`
    const lower = min !== undefined ? `${min}以上` : above !== undefined ? `${above}より大きく` : ""
    const upper = max !== undefined ? `${max}以下` : below !== undefined ? `${below}未満` : ""
    if (upper !== "") return `${lower}${lower === "" ? "" : "、"}${upper}の${what}`
    return above !== undefined ? `${above}より大きい${what}` : `${lower}${lower === "" ? "" : "の"}${what}`
  },
  seedRange: (largest) => `0〜${largest}の整数`,
  failure: (code) => FAILURES[code ?? ""] ?? "処理できませんでした。",
  remark: (english) => noticeText(english) ?? "次のお知らせがあります（英語）。",
  knowsRemark: (english) => noticeText(english) !== null,
  modelNotReady: (name) =>
    `「${name}」はまだ使えません。モデルの準備ができていません。少し待ってから、もう一度開いてください。`,
  unreadable: (name) =>
    `${name === null ? "ファイル" : `「${name}」`}を読み込めません。フォルダーであるか、開いた後に変更されています。ファイルを開き直してください。`,
  unknownBackend: (name) =>
    `アドレスのバックエンド「${name}」は使えません。webgpuかwasmを指定してください。最適なものを使います。`,
  unknownPrecision: (name) => `アドレスの計算精度「${name}」は使えません。F32かF16を指定してください。F32を使います。`,
  noFloat16: "アドレスの計算精度F16は、WebGPUでのみ使えます。WebAssemblyではfloat32で計算します。",
  serverAnswered: (status, address) => `サーバーが${address}に対してエラー${status}を返しました。`,
  otherAnswer: "内部の処理でエラーが起きました。ページを再読み込みしてください。",
  noCanvas: "ブラウザが画像の処理を許可していません。ページを再読み込みするか、別のブラウザをお使いください。",
}
