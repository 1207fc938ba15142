// bundle.json: the contract between compiler and runtime. Every other file of the bundle is listed with its digest.
// Described in FORMAT.md.

import Type, { type Static } from 'typebox'
import { prettyJson, sha256 } from './canonical-json.ts'
import { StepCheck } from './checks.ts'
import { Category, type Diff } from './diff.ts'
import { Bug } from './failures.ts'
import type { Fingerprint } from './ids.ts'
import { Hex, type Manifest, NodeIdText } from './manifest.ts'

const strict = { additionalProperties: false } as const

/** Where an input is read from: written by a step of this bundle, or production's output. */
export const StepInput = Type.Object(
  { node: NodeIdText, from: Type.Union([Type.Literal('bundle'), Type.Literal('production')]) },
  strict,
)
export type StepInput = Static<typeof StepInput>

const stepHead = {
  /** Of the bundle, unique. */
  id: Type.String(),
  node: NodeIdText,
  inputs: Type.Array(StepInput),
  /** `apply/<id>.sql`. */
  file: Type.String(),
  /** Ids of steps of this bundle. */
  depends_on: Type.Array(Type.String()),
  category: Type.Union([Category, Type.Literal('affected'), Type.Literal('unchanged'), Type.Literal('new')]),
  /** Why it is here, a sentence each. */
  reasons: Type.Array(Type.String()),
}

/** Asks a database for the rows that the step reads, before it. */
export const Extract = Type.Object(
  {
    /** Of the profile. */
    connection: Type.String(),
    /** `extract/<id>.sql`: see extract.ts. */
    file: Type.String(),
    /** The database's own type of each column that it must still have; those that are declared are not among them. */
    types: Type.Record(Type.String(), Type.String()),
    /** What the variables of psql in it stand for: text with placeholders of the run. Absent: it has none. */
    values: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** Only rows from the last value on that is stored, less the lookback, need to be read again. */
    growth: Type.Optional(Type.Object({ time_column: Type.String(), lookback_seconds: Type.Number() }, strict)),
  },
  strict,
)
export type Extract = Static<typeof Extract>

/** `relation` as the SQL names it, unquoted (`dev_transform.orders`); `file` below the outputs root. */
export const FileOutput = Type.Object({ relation: Type.String(), file: Type.String() }, strict)
export type FileOutput = Static<typeof FileOutput>

/** Of an engine that is a database: the view by which readers find the output. */
export const TableOutput = Type.Object(
  {
    /** `schema` and `name`, unquoted. */
    relation: Type.String(),
    schema: Type.String(),
    name: Type.String(),
    /** A table of the store that a query makes; one that rows of files, or of another database, are copied to; or only the view. */
    made: Type.Union([Type.Literal('query'), Type.Literal('load'), Type.Literal('copy'), Type.Literal('view')]),
    /** Readers find a table of its own in place of the view. */
    publish: Type.Optional(Type.Literal('table')),
    /** `load`: `load/<id>.sql`, DuckDB's SQL that reads the files, see FORMAT.md. */
    load: Type.Optional(Type.String()),
    /** What the variables of psql in the step stand for: text with placeholders of the run. Absent: it has none. */
    values: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  strict,
)
export type TableOutput = Static<typeof TableOutput>

/** Makes a node's output. Its id is the node's; its file prepares views of the inputs, then writes the output with one COPY. */
export const BuildStep = Type.Object(
  {
    ...stepHead,
    kind: Type.Literal('build'),
    output: Type.Union([FileOutput, TableOutput]),
    extract: Type.Optional(Extract),
  },
  strict,
)
export type BuildStep = Static<typeof BuildStep>

/**
 * Counts the rows of a node's output that fail its checks. Its id is the node's and `.check`, its only input the node
 * itself; its file is one SELECT with a row for each check: id, severity, failing_rows.
 */
export const CheckStep = Type.Object(
  { ...stepHead, kind: Type.Literal('check'), checks: Type.Array(StepCheck, { minItems: 1 }) },
  strict,
)
export type CheckStep = Static<typeof CheckStep>

/**
 * Writes a node's output to one of its targets. Its only input is the node itself; its file is the SQL of the target's
 * database (see target-sql.ts), whole, and nothing else.
 */
export const MaterializeStep = Type.Object(
  {
    ...stepHead,
    kind: Type.Literal('materialize'),
    /** Of the profile. */
    connection: Type.String(),
    /** Place of the target among the node's in the manifest. */
    target: Type.Number({ minimum: 0 }),
    /** The table, unquoted: `dev_analytics.orders`. */
    relation: Type.String(),
    /** In the database of the engine: types of columns as the server spells them, where they are others. Absent: none. */
    types: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  strict,
)
export type MaterializeStep = Static<typeof MaterializeStep>

export const Step = Type.Union([BuildStep, CheckStep, MaterializeStep])
export type Step = Static<typeof Step>

/** The file of an output; null: the engine is a database. */
export const fileOf = ({ output }: BuildStep): string | null => ('file' in output ? output.file : null)
/** The view of an output; null: it is a file. */
export const tableOf = ({ output }: BuildStep): TableOutput | null => ('file' in output ? null : output)

export const checkStepId = (node: string): string => `${node}.check`

interface Steps {
  readonly steps: readonly Step[]
}
/** The steps that make outputs, one a node. */
export const buildSteps = ({ steps }: Steps): readonly BuildStep[] => steps.filter((step) => step.kind === 'build')
/** The steps that check outputs, at most one a node. */
export const checkSteps = ({ steps }: Steps): readonly CheckStep[] => steps.filter((step) => step.kind === 'check')
/** The steps that write outputs to targets, one a target. */
export const materializeSteps = ({ steps }: Steps): readonly MaterializeStep[] =>
  steps.filter((step) => step.kind === 'materialize')

/** One place where the environment's prefix was put in: `text` was inserted at byte offset `start` of `file`. */
export const NamespaceSpan = Type.Object(
  {
    file: Type.String(),
    start: Type.Number(),
    text: Type.String(),
    identifier: Type.String(),
    role: Type.Union([Type.Literal('read'), Type.Literal('write'), Type.Literal('root')]),
    reason: Type.String(),
  },
  strict,
)
export type NamespaceSpan = Static<typeof NamespaceSpan>

const Offsets = Type.Array(Type.Number())

/** Byte offsets at which a file that is no step names the environment, or holds its prefix; by path. */
export const Names = Type.Record(Type.String(), Type.Object({ environment: Offsets, prefix: Offsets }, strict))
export type Names = Static<typeof Names>

export const BUNDLE_FORMAT = 'seeknal.bundle/1'

export const BundleFile = Type.Object(
  {
    format: Type.Literal(BUNDLE_FORMAT),
    project: Type.Object({ name: Type.String(), version: Type.String() }, strict),
    environment: Type.Union([Type.String(), Type.Null()]),
    /** What namespaces are prefixed with: `dev_`, or '' for production. */
    prefix: Type.String(),
    /** `versions` is a half-open range: `from` ≤ version < `before`. */
    engine: Type.Object(
      {
        name: Type.String(),
        from: Type.String(),
        before: Type.String(),
        /** Of a database: the profile's connection to it, and production's schema of what transforms make. */
        connection: Type.Optional(Type.String()),
        schema: Type.Optional(Type.String()),
      },
      strict,
    ),
    dialect: Type.String(),
    settings: Type.Record(Type.String(), Type.String()),
    /** SHA-256 of base.json, or null without production. */
    base: Type.Union([Hex, Type.Null()]),
    requires: Type.Object(
      {
        connections: Type.Array(Type.Object({ name: Type.String(), type: Type.String() }, strict)),
        /** Names of the run's parameters that a step reads, sorted. */
        parameters: Type.Array(Type.String()),
        /** Those of them that a run may leave out, since the SQL has a default; sorted. */
        optional: Type.Array(Type.String()),
      },
      strict,
    ),
    /** In an order in which they can run: inputs first, then by id; a node's checks right behind it. */
    steps: Type.Array(Step),
    promote: Type.Object(
      {
        /** Nodes whose outputs replace production's. */
        replace: Type.Array(NodeIdText),
        /** Nodes that production will no longer have. */
        remove: Type.Array(NodeIdText),
        /** Production's nodes that the steps read. */
        read: Type.Array(NodeIdText),
        /** Environments with targets: the SQL that writes production's, by the step that writes the environment's. */
        materialize: Type.Optional(Type.Record(Type.String(), Type.String())),
      },
      strict,
    ),
    namespaces: Type.Array(NamespaceSpan),
    /** Environments only. */
    names: Type.Optional(Names),
    /** path → SHA-256 of every other file. */
    files: Type.Record(Type.String(), Hex),
    digest: Hex,
  },
  strict,
)
export type BundleFile = Static<typeof BundleFile>

/** The digest of a bundle: SHA-256 of the text of bundle.json without the line of its `digest`. Pure. */
export function bundleDigest(text: string): Fingerprint {
  const start = text.indexOf('\n  "digest": ')
  const end = text.indexOf('\n', start + 1)
  return sha256(start === -1 || end === -1 ? text : text.slice(0, start) + text.slice(end))
}

/** The contract with its digest, and its text. Pure. */
export function sealed(unsigned: Omit<BundleFile, 'digest'>): { readonly contract: BundleFile; readonly text: string } {
  const text = prettyJson(unsigned)
  const digest = sha256(text)
  return { contract: { ...unsigned, digest }, text: withDigest(text, digest) }
}

/** `text` of a bundle.json as it is when the digests of some of its files are others, which it must name. Pure. */
export function resealed(text: string, digests: ReadonlyMap<string, string>): string {
  const own = text.indexOf(digestLine('').slice(0, -2))
  const parts = [text.slice(0, own)]
  let at = own + digestLine('0'.repeat(64)).length
  for (const path of [...digests.keys()].sort()) {
    const start = text.indexOf(`\n    ${JSON.stringify(path)}: "`, at)
    if (start === -1) throw new Bug(`bundle.json does not name '${path}'`)
    const hex = text.indexOf(': "', start + 5 + path.length) + 3
    parts.push(text.slice(at, hex), digests.get(path) ?? '')
    at = hex + 64
  }
  const unsigned = [...parts, text.slice(at)].join('')
  return withDigest(unsigned, sha256(unsigned))
}

/** What stands behind the digest. No text of JSON holds a line break: a member of the document is found by its indent. */
const BEHIND_DIGEST = '\n  "engine": '
const digestLine = (digest: string): string => `\n  "digest": "${digest}",`

function withDigest(text: string, digest: string): string {
  const at = text.indexOf(BEHIND_DIGEST)
  return text.slice(0, at) + digestLine(digest) + text.slice(at)
}

/** A bundle in memory: its contract and the text of every file, bundle.json included. */
export interface Bundle {
  readonly contract: BundleFile
  readonly files: ReadonlyMap<string, string>
}

/** A bundle with its documents: one that was just compiled, or one whose digest, files and documents have been checked. */
export interface OpenedBundle extends Bundle {
  readonly manifest: Manifest
  /** Production's manifest that it was planned against. */
  readonly base: Manifest | null
  readonly diff: Diff
}
