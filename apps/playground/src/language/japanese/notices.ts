/*
 * What packages say beside a result, in Japanese. Packages say it in English, with names and figures in it. Each rule
 * reads one kind of notice. `notices.test.ts` compares the rules with what the packages say.
 */

interface Rule {
  readonly of: RegExp
  readonly words: (...parts: readonly string[]) => string
}

function rule(of: RegExp, words: Rule["words"]): Rule {
  return { of, words }
}

/** A notice on things of one sort: `"a.png" is …`, or `3 pictures are …  The first is "a.png".` */
function counted(
  plural: string,
  counter: string,
  rest: RegExp,
  words: (subject: string, ...parts: string[]) => string,
) {
  const one = rule(new RegExp(`^"(.*?)" ${rest.source}$`, "s"), (name = "", ...parts) => words(`「${name}」`, ...parts))
  const several = rule(
    new RegExp(`^(\\d+) ${plural} ${rest.source} The first is "(.*)"\\.$`, "s"),
    (count = "", ...parts) => words(`${count}${counter}（最初は「${parts.at(-1) ?? ""}」）`, ...parts.slice(0, -1)),
  )
  return [one, several]
}

/** Syntax of prompts that is not followed. */
const SYNTAX: Readonly<Record<string, string>> = {
  "a LoRA or hypernetwork": "LoRAやハイパーネットワーク",
  "a textual inversion": "Textual Inversion",
  "a wildcard": "ワイルドカード",
  alternatives: "候補からの選択",
  "alternatives without their closing brace": "候補からの選択（閉じ括弧がない）",
  "alternatives without their opening brace": "候補からの選択（開き括弧がない）",
  "an option of a prompt file": "プロンプトファイルのオプション",
  "alternating words": "交互の単語",
  "a change during the steps": "ステップ途中の切り替え",
  "a prompt of several parts": "複数の部分に分けたプロンプト",
}

/** Why the embeddings of LLLites are resampled. */
const RESAMPLED: readonly Rule[] = [
  rule(/^(\S+) px is not a multiple of (\d+)$/, (size, multiple) => `${size} pxが${multiple}の倍数でない`),
  rule(/^Deep Shrink makes features smaller$/, () => "Deep Shrinkが特徴を小さくする"),
  rule(/^gradual latent begins with smaller features$/, () => "gradual latentが小さな特徴から始まる"),
]

const PREDICTIONS: Readonly<Record<string, string>> = {
  "noise (epsilon)": "ノイズ（epsilon）",
  "velocity (v-prediction)": "速度（v-prediction）",
}

/** What says how a checkpoint predicts. */
function saidBy(english: string): string {
  return english.replace(/^the tensor "(.*)"$/, "テンソル「$1」").replace(/ in its metadata$/, "（メタデータ）")
}

/** What a checkpoint says of itself. */
const CHECKPOINT: readonly Rule[] = [
  rule(
    /^It says that it predicts (.*?), by (.*)\. It is run as one that predicts (.*?), as asked\.$/,
    (said = "", by = "", used = "") =>
      `${saidBy(by)}では${PREDICTIONS[said] ?? said}を予測しますが、指定どおり${PREDICTIONS[used] ?? used}として実行します。`,
  ),
  rule(
    /^It predicts velocity \(v-prediction\)(, with zero terminal SNR)?, as (.*) says\. It is run so\.$/,
    (snr = "", by = "") =>
      `${saidBy(by)}のとおり、速度（v-prediction）を予測するモデルとして実行します${snr === "" ? "" : "（zero terminal SNR）"}。`,
  ),
  rule(
    /^It is an inpainting checkpoint\. .*$/,
    () => "インペイント用のチェックポイントです。元の画像とマスクが必要です。",
  ),
  rule(
    /^(.*) is (.*), which is not followed\. It is run as a model that predicts noise\.$/,
    (place = "", value = "") =>
      `${saidBy(place)}の「${value}」には対応していません。ノイズを予測するモデルとして実行します。`,
  ),
  rule(
    /^It says zero terminal SNR without v-prediction\. .*$/,
    () => "v-predictionなしでzero terminal SNRとされています。ノイズスケジュールは変えません。",
  ),
  rule(
    /^Its name says (\S+)\. Such a checkpoint wants few steps \(1 to 8\), a guidance scale near 1, and the sampler (\S+?)( with the spacing trailing)?\.$/,
    (name = "", sampler = "", trailing = "") =>
      `名前から${name}と思われます。ステップ数は1〜8、CFGスケールは1前後、サンプラーは${sampler}${trailing === "" ? "" : "（間隔はtrailing）"}が適しています。`,
  ),
  rule(
    /^It reads the guidance scale as an embedding, as LCM does\. .*$/,
    () => "LCMのように、CFGスケールを埋め込みとして読むモデルです。この動作には対応していません。",
  ),
  rule(
    /^Its name says v-prediction, and the file itself does not\. .*$/,
    () => "名前はv-predictionですが、ファイルには書かれていません。ノイズを予測するモデルとして実行します。",
  ),
  rule(
    /^it is a checkpoint for editing by instructions: .*$/,
    () => "指示で画像を編集するためのチェックポイントです。対応していません。画像生成用のものをお使いください。",
  ),
  rule(
    /^it was trained on EDM's noise levels, as its tensor "(.*?)" says\. .*$/,
    (tensor) => `EDMのノイズレベルで学習されています（テンソル「${tensor}」）。対応していません。`,
  ),
  rule(
    /^its weights are quantised (.*), which is not supported\. .*$/,
    (how) =>
      `重みが量子化されています（${how}）。対応していません。fp8、float16、bfloat16、float32のものをお使いください。`,
  ),
]

const RULES: readonly Rule[] = [
  // prompts
  ...counted(
    "prompts",
    "個のプロンプト",
    /(?:has|have) more than (\d+) tokens\. The rest is not read\./,
    (subject, tokens) => `${subject}は${tokens}トークンを超えています。残りは読まれません。`,
  ),
  ...counted(
    "prompts",
    "個のプロンプト",
    /(?:is|are) too long for one chunk of (\d+) tokens, or (?:has|have) a BREAK\. (?:It is|They are) read in (?:up to )?(\d+) chunks\./,
    (subject, tokens, chunks) =>
      `${subject}は${tokens}トークンを超えるか、BREAKがあります。${chunks}個に分けて読み込みます。`,
  ),
  ...counted(
    "prompts",
    "個のプロンプト",
    /(?:has|have) brackets, which are read as weights: (.*)\. A backslash before a bracket makes it a letter\./,
    (subject, weights) =>
      `${subject}の括弧は、重みとして読み込みます（${weights}）。文字として使うには、括弧の前に「\\」を付けてください。`,
  ),
  ...counted(
    "prompts",
    "個のプロンプト",
    /(?:has|have) the syntax of (.*?), "(.*?)"\. It is not followed, and is read as text\./,
    (subject, what = "", example) =>
      `${subject}の「${example}」は、${SYNTAX[what] ?? what}の記法です。対応していないため、ただの文字として読み込みます。`,
  ),
  rule(
    /^The window of guidance has no effect on prompts with AND, .*$/,
    () => "ANDのあるプロンプトでは、CFGの適用区間は効きません。すべてのステップに適用します。",
  ),
  rule(
    /^The scale of the negative prompt has no effect, .*$/,
    () => "CFGスケールが1のときはネガティブプロンプトを使わないため、その強さは効きません。",
  ),
  rule(
    /^What is added to the noise of the start has no effect on a picture that starts from another\.$/,
    () => "別の画像から始める場合、最初のノイズへの追加は効きません。",
  ),
  // how a picture is made
  rule(
    /^The embeddings of LLLites are resampled to the grid of the features, because (.*)\.$/,
    (reason = "") => `${textBy(RESAMPLED, reason) ?? reason}ため、LLLiteの埋め込みを特徴の格子に合わせて補間します。`,
  ),
  rule(
    /^The VAE takes tiles of (\d+) px, .*$/,
    (side) => `メモリに収まらないため、VAEは${side} pxのタイルで処理します。画像が少し変わります。`,
  ),
  // files
  rule(
    /^"(.*?)": (\d+) tensors? belongs? to no site and (?:is|are) not read\. The first is "(.*)"\.$/,
    (name, count, first) =>
      `「${name}」のテンソル${count}個は、どの層にも属さないため使いません（最初は「${first}」）。`,
  ),
  rule(
    /^(.*): (\d+) tensors? fits? no layer and (?:is|are) not used, first "(.*)"\.$/,
    (name = "", count, first) =>
      `「${name.replace(/^"(.*)"$/, "$1")}」のテンソル${count}個は、合う層がないため使いません（最初は「${first}」）。`,
  ),
  rule(
    /^"(.*?)": (\d+) of its tensors do not belong to a ControlNet and are not used, such as "(.*)"\.$/,
    (name, count, first) =>
      `「${name}」のテンソル${count}個は、ControlNetのものではないため使いません（例: 「${first}」）。`,
  ),
  ...CHECKPOINT,
  rule(/^"(.*?)": (It.*)$/, (name, said = "") => {
    const words = textBy(CHECKPOINT, said)
    return words === null ? "" : `「${name}」: ${words}`
  }),
  // the machine
  rule(/^Products are computed in float32, not in float16: (.*)\.$/, (reason = "") =>
    reason === "the driver has no float16"
      ? "ドライバーがfloat16に対応していないため、float32で計算します。"
      : `ドライバーのfloat16の計算が正しくないため、float32で計算します（「${reason}」）。`,
  ),
  rule(/^Products multiply float32, without subgroup matrices: (.*)\.$/, (reason = "") =>
    reason === "this device shows none"
      ? "サブグループ行列を使えないため、行列の積はfloat32で計算します。層の間の値はfloat16です。"
      : `サブグループ行列の計算が正しくないため、行列の積はfloat32で計算します（「${reason}」）。`,
  ),
  rule(
    /^The SIMD kernels are not used, so everything is a few times slower: .*$/,
    () => "SIMDを使えないため、処理が数倍遅くなります。",
  ),
  // the training
  rule(
    /^The caption of "(.*)" is longer than (\d+) tokens\. .*$/,
    (name, tokens) =>
      `「${name}」のキャプションは${tokens}トークンを超えています。先頭の${tokens}トークンだけを読みます。`,
  ),
  rule(
    /^(\d+) captions are longer than (\d+) tokens\. .* The first is "(.*)"\.$/,
    (count, tokens, first) =>
      `キャプション${count}個が${tokens}トークンを超えています（最初は「${first}」）。先頭の${tokens}トークンだけを読みます。`,
  ),
  rule(
    /^(\d+) of (\d+) pictures do not fit into the (\S+) GiB of memory .*$/,
    (unkept, all, room) =>
      `画像${all}枚のうち${unkept}枚は、エンコード済みの画像用のメモリ（${room} GiB）に収まらず、毎ステップでエンコードします。`,
  ),
  rule(
    /^The captions of (\d+) of (\d+) pictures do not fit into the (\S+) GiB of memory .*$/,
    (untexted, all, room) =>
      `画像${all}枚のうち${untexted}枚のキャプションは、メモリ（${room} GiB）に収まらず、毎ステップでエンコードします。`,
  ),
  // shapes of controls
  rule(
    /^The EXIF orientation of the (picture|control) is the cause\. .*$/,
    (which) =>
      `${which === "picture" ? "画像" : "コントロール画像"}のEXIFの向きが原因です。向きの情報を外し、回転した状態で保存し直してください。`,
  ),
  rule(
    /^One of them is turned by 90 degrees\. Turn it back\.$/,
    () => "片方が90度回転しています。元に戻してください。",
  ),
  rule(
    /^Make the control from the picture, uncropped\. .*$/,
    () => "コントロール画像は、画像を切り抜かずに作り、画像と同じサイズにしてください。",
  ),
  // pictures of stable-diffusion-webui
  rule(
    /^The negative prompt is empty\. stable-diffusion-webui .*$/,
    () => "ネガティブプロンプトが空です。stable-diffusion-webuiではゼロが使われますが、ここでは空の文章を読みます。",
  ),
  rule(
    /^The steps of (.*) get other noise than in stable-diffusion-webui\. .*$/,
    (sampler) => `${sampler}のノイズはstable-diffusion-webuiと異なるため、画像の細部が変わります。`,
  ),
  rule(
    /^Of the picture's text, this is not followed: (.*)\.$/,
    (names) => `画像の設定のうち、次のものには対応していません: 「${names}」。`,
  ),
  rule(
    /^The picture was made from another one, which its text does not name\. .*$/,
    () => "別の画像から作られていますが、その画像は記録されていません。「元画像」で指定してください。",
  ),
  rule(
    /^The picture was enlarged by (.*)\. Here it is enlarged by Lanczos\.$/,
    (upscaler) => `「${upscaler}」で拡大されています。ここではLanczosで拡大します。`,
  ),
  rule(/^A unit of ControlNet has no model, and is left out\.$/, () => "モデルのないControlNetユニットを除きました。"),
  rule(
    /^The picture of (.*) was made by the preprocessor (.*)\. Give the picture that it made\.$/,
    (model, preprocessor) =>
      `「${model}」の画像は、プリプロセッサ「${preprocessor}」で作られています。その出力画像を指定してください。`,
  ),
  rule(
    /^(.*) had the control mode (.*), which is not followed\.$/,
    (model, mode) => `「${model}」のControl Mode「${mode}」には対応していません。`,
  ),
  // workflows of ComfyUI
  rule(
    /^(.*) shows a picture that no sampler makes, and is left out\.$/,
    (node) => `「${node}」の画像はサンプラーのものではないため、除きました。`,
  ),
  rule(
    /^(.*) changes the finished picture\. It is left as the sampler makes it\.$/,
    (node) => `「${node}」は完成した画像を変更しますが、ここではサンプラーの出力のままにします。`,
  ),
  rule(
    /^(.*) has the sampler (\S+), which is near ComfyUI's here, and not the same\.$/,
    (node, sampler) => `「${node}」のサンプラー「${sampler}」は、ComfyUIのものに近いですが、同じではありません。`,
  ),
  rule(
    /^(.*) has the sampler (\S+), whose steps get other noise than in ComfyUI\. .*$/,
    (node, sampler) => `「${node}」のサンプラー「${sampler}」のノイズはComfyUIと異なるため、画像の細部が変わります。`,
  ),
  rule(
    /^(.*) makes (\d+) pictures\. The noise of its steps .*$/,
    (node, count) => `「${node}」は${count}枚の画像を作ります。GPUによってはノイズが異なります。`,
  ),
  rule(
    /^(.*) runs a part of a batch, whose noise ComfyUI draws picture by picture\. .*$/,
    (node) => `「${node}」はバッチの一部を処理します。このサイズではノイズがComfyUIと異なります。`,
  ),
  rule(
    /^(\d+) nodes lead to no picture and are left out\. The first is (.*)\.$/,
    (count, first = "") => `どの画像にもつながらないノード${count}個を除きました（最初は「${bare(first)}」）。`,
  ),
  rule(
    /^(.*) leads to no picture and is left out\.$/,
    (node = "") => `「${bare(node)}」はどの画像にもつながらないため、除きました。`,
  ),
]

function bare(quoted: string): string {
  return quoted.replace(/^"(.*)"$/, "$1")
}

function textBy(rules: readonly Rule[], english: string): string | null {
  for (const { of, words } of rules) {
    const found = of.exec(english)
    if (found !== null) return words(...found.slice(1).map((part) => part ?? ""))
  }
  return null
}

/** A notice of a package in Japanese. Null: it has no words here, and stays English. */
export function noticeText(english: string): string | null {
  const words = textBy(RULES, english)
  return words === "" ? null : words
}
