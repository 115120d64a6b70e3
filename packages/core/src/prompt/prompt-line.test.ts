import { describe, expect, it } from "vitest"
import { describeWithReference, referenceJson } from "../../../format/test/reference.ts"
import { isPromptLine, parsePromptLine } from "./prompt-line.ts"

describe("parsePromptLine", () => {
  it("reads every option, in any case and order", () => {
    expect(
      parsePromptLine(
        "a cat --N bad, worse --W 128 --h 192 --s 7 --d 5, 6 --L 4.5 --ow 640 --oh 512 --ct 8 --cl 0 --f a b.png",
      ),
    ).toEqual({
      prompt: "a cat",
      options: {
        negativePrompt: "bad, worse",
        width: 128,
        height: 192,
        steps: 7,
        seeds: [5, 6],
        guidanceScale: 4.5,
        originalWidth: 640,
        originalHeight: 512,
        cropTop: 8,
        cropLeft: 0,
        fileName: "a b.png",
      },
      problems: [],
    })
  })

  it("reads sizes of the negative prompt, a strength, Deep Shrink and gradual latent", () => {
    expect(
      parsePromptLine(
        "a --nw 64 --nh 96 --t 0.5 --dsd1 3 --dst1 700 --dsd2 4 --dst2 500 --dsr .5 --glt 650 --glr 0.5 --gls 0.25 --gle 2 --glsn 1.1 --glus 3,0.5,0.5,0",
      ).options,
    ).toEqual({
      ...{ originalWidthNegative: 64, originalHeightNegative: 96, strength: 0.5 },
      ...{ dsDepth1: 3, dsTimesteps1: 700, dsDepth2: 4, dsTimesteps2: 500, dsRatio: 0.5 },
      ...{ gradualLatentTimesteps: 650, gradualLatentRatio: 0.5, gradualLatentRatioStep: 0.25 },
      ...{ gradualLatentEveryNSteps: 2, gradualLatentSNoise: 1.1, gradualLatentUnsharpParams: "3,0.5,0.5,0" },
    })
  })

  it("limits steps as sd-scripts does", () => {
    expect(["a --s 0", "a --s 2000"].map((line) => parsePromptLine(line).options.steps)).toEqual([1, 1000])
  })

  it("keeps the text that sd-scripts takes for CLIP guidance", () => {
    expect(parsePromptLine("a --c b d --s 3")).toEqual({
      ...{ prompt: "a", options: { clipPrompt: "b d", steps: 3 }, problems: [] },
    })
  })

  it("takes options without a prompt, and an empty negative prompt", () => {
    expect(parsePromptLine("--n")).toEqual({ prompt: "", options: { negativePrompt: "" }, problems: [] })
  })

  it("leaves dashes in words", () => {
    expect(parsePromptLine("x--w 64 high-res - a — b -- ").problems).toHaveLength(1)
    expect(parsePromptLine("x--w 64 high-res - a").prompt).toBe("x--w 64 high-res - a")
  })

  it.each([
    ["a --x 3", '"--x 3" is not an option of a prompt, expected --n, --w'],
    ["a --w wide", '--w is "wide", expected a whole number.'],
    ["a --w 6.4", '--w is "6.4"'],
    ["a --d 1,b", '--d is "1,b", expected seeds'],
    ["a --d 99999999999999999999", "--d is"],
    ["a --l none", '--l is "none", expected a number.'],
    ["a --w 64 --W 96", "--W appears twice. Keep one."],
    ["a --nl much", '--nl is "much", expected a number or none.'],
    ["a --t half", '--t is "half", expected a number.'],
    ["a --constructor 1", '"--constructor 1" is not an option'],
    ["a -- b", '"-- b" is not an option'],
  ])("names what is wrong in %j", (line, problem) => {
    const { problems } = parsePromptLine(line)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })

  it("knows comments and empty lines", () => {
    expect(["", "  ", "# a", "  # a", "a # b", "--n x"].map(isPromptLine)).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
    ])
  })
})

interface LinesCase {
  readonly lines: readonly string[]
  readonly pipelineCalls: readonly {
    readonly prompt: readonly string[]
    readonly negative_prompt: readonly string[]
    readonly width: number
    readonly height: number
    readonly num_inference_steps: number
    readonly guidance_scale: number
  }[]
}

describeWithReference("prompt lines of sd-scripts", ["prompt.json"], () => {
  it("ask for the same pictures, where all their parts are options", () => {
    const [first] = referenceJson<{ lines: readonly LinesCase[] }>("prompt.json").lines
    const calls = first?.pipelineCalls ?? []
    const own = (first?.lines ?? []).filter(isPromptLine).map(parsePromptLine)
    // A line with braces is expanded first.
    const compared = own.flatMap(({ prompt, options, problems }, i) => {
      const call = calls[i]
      if (call === undefined || prompt.includes("{") || !problems.every((text) => text.includes("not supported")))
        return []
      const { negativePrompt = "", width = 64, height = 64, steps = 4, guidanceScale = 7.5 } = options
      return [
        [
          { prompt, negativePrompt, width, height, steps, guidanceScale },
          {
            prompt: call.prompt[0]?.trim(),
            negativePrompt: call.negative_prompt[0],
            width: call.width,
            height: call.height,
            steps: call.num_inference_steps,
            guidanceScale: call.guidance_scale,
          },
        ],
      ]
    })
    expect(compared.map(([ours]) => ours)).toEqual(compared.map(([, theirs]) => theirs))
    expect(compared.length).toBe(6)
  })
})
