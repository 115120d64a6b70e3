import Type from "typebox"
import { JOB_KINDS, JOB_STATES } from "../jobs/job.ts"
import { RecipeSchema } from "./recipe-schema.ts"

const closed = { additionalProperties: false } as const

export const ErrorSchema = Type.Object({
  error: Type.Object({ code: Type.String(), message: Type.String() }),
})

export const HashParams = Type.Object({ sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }) }, closed)
export type HashParams = Type.Static<typeof HashParams>

export const IdParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }, closed)
export type IdParams = Type.Static<typeof IdParams>

const Generate = Type.Object(
  {
    kind: Type.Literal("generate"),
    recipes: Type.Array(RecipeSchema, { minItems: 1, description: "A picture for each." }),
  },
  { ...closed, title: "Pictures of recipes" },
)

const Command = Type.Object(
  {
    kind: Type.Enum(JOB_KINDS.filter((kind) => kind !== "generate")),
    options: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Union([
          Type.String(),
          Type.Number(),
          Type.Boolean(),
          Type.Array(Type.Union([Type.String(), Type.Number()]), { maxItems: 1000 }),
        ]),
        {
          description:
            "Options of the command by name, as `lllite help COMMAND` lists them. Paths are below the server's data folder.",
        },
      ),
    ),
    files: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000, description: "Arguments: files or folders." })),
  },
  { ...closed, title: "A command" },
)

export type JobBody = Type.Static<typeof Generate> | Type.Static<typeof Command>

/** The kind decides which of the two is meant, so that a message is about that one. */
export const JobBody = Type.Unsafe<JobBody>({
  type: "object",
  required: ["kind"],
  discriminator: { propertyName: "kind" },
  oneOf: [Generate, Command],
})

export const ContentSchema = Type.Object({
  sha256: Type.String(),
  size: Type.Integer(),
  type: Type.String({ description: "Media type, by the first bytes." }),
})

export const JobSchema = Type.Object({
  id: Type.String(),
  kind: Type.Enum([...JOB_KINDS]),
  state: Type.Enum([...JOB_STATES]),
  attempts: Type.Integer(),
  created: Type.String(),
  started: Type.Union([Type.String(), Type.Null()]),
  finished: Type.Union([Type.String(), Type.Null()]),
  progress: Type.Union([
    Type.Object({
      phase: Type.String(),
      done: Type.Number(),
      count: Type.Number(),
      step: Type.Optional(Type.Integer()),
      steps: Type.Optional(Type.Integer()),
      figures: Type.Optional(Type.Record(Type.String(), Type.Number())),
    }),
    Type.Null(),
  ]),
  notices: Type.Array(Type.String()),
  results: Type.Array(
    Type.Object({
      name: Type.String(),
      sha256: Type.String(),
      size: Type.Integer(),
      type: Type.String(),
      recipe: Type.Optional(Type.Integer({ description: "The place of its recipe." })),
    }),
  ),
  error: Type.Union([Type.Object({ code: Type.String(), message: Type.String() }), Type.Null()]),
})
export type JobView = Type.Static<typeof JobSchema>

export const JobsQuery = Type.Object(
  {
    state: Type.Optional(Type.Enum([...JOB_STATES])),
    limit: Type.Optional(Type.String({ pattern: "^[0-9]{1,4}$", description: "The most jobs. Default: 100." })),
  },
  closed,
)
export type JobsQuery = Type.Static<typeof JobsQuery>
