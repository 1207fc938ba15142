// What the runtime keeps below target/: run_state.json, plan.json, refs.json, env_config.json, journal entries.
// Unlike bundles these hold times and digests of data. Described in FORMAT.md.

import Type, { type Static } from 'typebox'
import { StepCheck } from './checks.ts'
import { Category } from './diff.ts'
import { columnsFingerprint, Hex, type ManifestNode, NodeIdText, rowsDecide } from './manifest.ts'

const strict = { additionalProperties: false } as const

/**
 * A stored output. `digest` is `<rows>:<32 hex digits>:<columns fingerprint>`: equal digests, equal rows. The digits are the
 * first half of the execution fingerprint where that decides the rows, else the sum of row hashes modulo 2^128.
 */
export const Snapshot = Type.Object(
  {
    /** SHA-256 of the file's bytes: `snapshots/<sha256>.parquet`. */
    sha256: Hex,
    size_bytes: Type.Number(),
    rows: Type.Number(),
    digest: Type.String(),
    columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String() }, strict)),
  },
  strict,
)
export type Snapshot = Static<typeof Snapshot>

export const digestOf = (rows: number, digits: string, columns: Readonly<Snapshot['columns']>): string =>
  `${rows}:${digits}:${columnsFingerprint([...columns])}`

/**
 * Digits of an output that is what its execution fingerprint says; null: its rows must be looked at. They are, too, where
 * equal rows of another definition spare work: what they were checked for, and what was written to another database.
 */
export const digitsOf = (
  node: ManifestNode,
  { fingerprint, isProven }: { readonly fingerprint: string; readonly isProven: boolean },
): string | null => {
  const isAsked = rowsDecide(node) || node.checks !== undefined || node.targets !== undefined
  return isProven && !isAsked ? fingerprint.slice(0, 32) : null
}

/**
 * `data` stands for all data that the output depends on: content digests of source files, and of what was read of nodes
 * that are not reproducible. `proof`, of an output made by a bundle that was not compiled here, or from such an output,
 * stands for what was really executed: the output is what `fingerprint` says for whom this is the same.
 */
export const NodeState = Type.Object(
  {
    status: Type.Union([Type.Literal('executed'), Type.Literal('reused'), Type.Literal('cached')]),
    /** Execution fingerprint: definition and what was really read. */
    fingerprint: Hex,
    proof: Type.Optional(Hex),
    data: Hex,
    snapshot: Snapshot,
    /** Of a source in a database: stands for the database that these rows were read from. */
    place: Type.Optional(Hex),
    /** What was read, by input: edge fingerprint and data. */
    inputs: Type.Array(Type.Object({ ref: NodeIdText, edge: Hex, data: Hex }, strict)),
    /** The run that made the snapshot. */
    run_id: Type.String(),
    executed_at: Type.String(),
    duration_ms: Type.Number(),
  },
  strict,
)
export type NodeState = Static<typeof NodeState>

/** What came out of one check. */
export const CheckResult = Type.Object(
  {
    ...StepCheck.properties,
    /** Rows of the output that fail it. */
    failing_rows: Type.Number(),
    /** `warned`: rows fail it, and its severity is `warn`. */
    status: Type.Union([Type.Literal('passed'), Type.Literal('warned'), Type.Literal('failed')]),
  },
  strict,
)
export type CheckResult = Static<typeof CheckResult>

/** What came out of all checks of a node: true of these checks on these rows, whoever ran them. */
export const NodeChecks = Type.Object(
  {
    /** The manifest's `checks_fingerprint`. */
    fingerprint: Hex,
    /** Stands for what was really asked: SHA-256 of the canonical text of `{prelude, settings, sql}` of the step. */
    asked: Hex,
    /** The snapshot's `digest`. */
    digest: Type.String(),
    results: Type.Array(CheckResult),
    run_id: Type.String(),
    checked_at: Type.String(),
  },
  strict,
)
export type NodeChecks = Static<typeof NodeChecks>
export type ChecksByNode = Readonly<Record<string, NodeChecks | undefined>>

/** Whether this came out of the checks that a node has, on an output. Pure. */
export const areOf = (
  checks: NodeChecks,
  node: { readonly checks_fingerprint?: string },
  { digest }: Pick<Snapshot, 'digest'>,
): boolean => checks.fingerprint === node.checks_fingerprint && checks.digest === digest

export const RunState = Type.Object(
  {
    format: Type.Literal('seeknal.run_state/1'),
    /** Null: state of an environment. */
    generation: Type.Union([Type.Number(), Type.Null()]),
    environment: Type.Union([Type.String(), Type.Null()]),
    /** Digest of the bundle that made it. */
    bundle: Hex,
    /** The manifest beside it says in part what a bundle said that was not compiled here: no fingerprint is carried over from it. */
    unproven: Type.Optional(Type.Literal(true)),
    run_id: Type.String(),
    run_timestamp: Type.String(),
    engine: Type.String(),
    nodes: Type.Record(Type.String(), NodeState),
    /** By node. An environment also has results of nodes that it reads from production. Absent: nothing is checked. */
    checks: Type.Optional(Type.Record(Type.String(), NodeChecks)),
  },
  strict,
)
export type RunState = Static<typeof RunState>

/** A table that a target was written to. */
export const TargetWrite = Type.Object(
  {
    node: NodeIdText,
    /** As it is there, and in parts: `dev_analytics.orders`. */
    relation: Type.String(),
    schema: Type.String(),
    table: Type.String(),
    connection: Type.String(),
    /** Stands for the database that the connection led to: another one does not have these rows. */
    place: Hex,
    /** What it holds (contentOf); null: a write has begun, and nobody has seen its end. */
    content: Type.Union([Hex, Type.Null()]),
    /** The table was not there before; nor, of an append, the one that remembers batches. */
    created: Type.Boolean(),
    created_batches: Type.Optional(Type.Literal(true)),
    rows: Type.Number(),
    run_id: Type.String(),
    written_at: Type.String(),
  },
  strict,
)
export type TargetWrite = Static<typeof TargetWrite>

/** A schema that was not there before it was made for a target. */
export const CreatedSchema = Type.Object({ connection: Type.String(), place: Hex, schema: Type.String() }, strict)
export type CreatedSchema = Static<typeof CreatedSchema>

/** targets.json: what tables of other databases hold. It describes the world, so that no generation has one. */
export const TargetWrites = Type.Object(
  {
    format: Type.Literal('seeknal.targets/1'),
    /** By the id of the step that writes it. */
    tables: Type.Record(Type.String(), TargetWrite),
    schemas: Type.Array(CreatedSchema),
  },
  strict,
)
export type TargetWrites = Static<typeof TargetWrites>

/** plan.json of an environment. The first seven fields are read by existing scripts. */
export const Plan = Type.Object(
  {
    env_name: Type.String(),
    /** SHA-256 of the bundle's manifest.json. */
    manifest_fingerprint: Hex,
    categorized_changes: Type.Record(Type.String(), Category),
    added_nodes: Type.Array(NodeIdText),
    removed_nodes: Type.Array(NodeIdText),
    total_nodes_to_execute: Type.Number(),
    profile_path: Type.Union([Type.String(), Type.Null()]),
    profile_fingerprint: Type.Union([Hex, Type.Null()]),
    /** In an order in which they can run. */
    execute: Type.Array(NodeIdText),
    /** Decided by the rows of nodes that execute before them; part of the bundle, not of the total. */
    may_execute: Type.Array(NodeIdText),
    /** Only their checks run, on what production has; absent: none. */
    check: Type.Optional(Type.Array(NodeIdText)),
    reasons: Type.Record(Type.String(), Type.Array(Type.String())),
    /** Production as it was: nodes that are replaced or read, with the fingerprints that they had. */
    base: Type.Object(
      {
        generation: Type.Union([Type.Number(), Type.Null()]),
        nodes: Type.Record(Type.String(), Type.Object({ definition: Hex, execution: Hex }, strict)),
      },
      strict,
    ),
    bundle: Hex,
    /** `--params` of the plan, which are part of its SQL; absent: none. */
    params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    /** Digest of the project's files as they were; absent: not known. */
    project: Type.Optional(Hex),
  },
  strict,
)
export type Plan = Static<typeof Plan>

/** A time as `Date.toISOString` writes it. */
const Instant = Type.String({
  pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?Z$',
})

/** Ten years: longer is never. */
export const MAX_TTL_SECONDS = 3650 * 24 * 60 * 60

export const EnvConfig = Type.Object(
  {
    format: Type.Literal('seeknal.env/1'),
    name: Type.String(),
    status: Type.Union([
      Type.Literal('planned'),
      Type.Literal('applied'),
      Type.Literal('failed'),
      Type.Literal('promoted'),
    ]),
    created_at: Instant,
    last_used_at: Instant,
    /** How long it stays after its last use. */
    ttl_seconds: Type.Integer({ minimum: 1, maximum: MAX_TTL_SECONDS }),
    promoted_to: Type.Union([Type.String(), Type.Null()]),
    promoted_generation: Type.Union([Type.Number(), Type.Null()]),
    /** The environment that was promoted to this one, which is as that one was then; null: it was planned here. */
    promoted_from: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    /** Checks of severity `error` by which the last apply failed. */
    failed_checks: Type.Optional(
      Type.Array(Type.Object({ node: NodeIdText, check: Type.String(), failing_rows: Type.Number() }, strict)),
    ),
  },
  strict,
)
export type EnvConfig = Static<typeof EnvConfig>

export const Refs = Type.Record(
  Type.String(),
  Type.Object({ path: Type.String(), sha256: Hex, generation: Type.Number() }, strict),
)
export type Refs = Static<typeof Refs>

/** generation.json: how a generation came to be. `parent_record` chains it to the one before. */
export const GenerationRecord = Type.Object(
  {
    format: Type.Literal('seeknal.generation/1'),
    generation: Type.Number(),
    /** Production before it; null: there was none. */
    parent: Type.Union([Type.Number(), Type.Null()]),
    /** SHA-256 of the parent's generation.json. */
    parent_record: Type.Union([Hex, Type.Null()]),
    kind: Type.Union([Type.Literal('run'), Type.Literal('promote')]),
    /** The environment that was promoted. */
    environment: Type.Union([Type.String(), Type.Null()]),
    /** Digest of the bundle that made it. */
    bundle: Hex,
    run_id: Type.String(),
    /** When it was put together; of a promotion: when the environment was applied, as long as production stayed as it was then. */
    created_at: Type.String(),
    /** Nodes whose output is another than in the parent, sorted. */
    changed: Type.Array(NodeIdText),
    /** Nodes of the parent that it no longer has, sorted. */
    removed: Type.Array(NodeIdText),
    /** SHA-256 of the files beside it. */
    manifest: Hex,
    run_state: Hex,
  },
  strict,
)
export type GenerationRecord = Static<typeof GenerationRecord>

/** A line of journal/production.jsonl: production was switched. `found`: by a script, noticed by the next writer. */
export const SwitchEntry = Type.Object(
  {
    at: Type.String(),
    kind: Type.Union([Type.Literal('run'), Type.Literal('promote'), Type.Literal('rollback'), Type.Literal('found')]),
    from: Type.Union([Type.Number(), Type.Null()]),
    to: Type.Number(),
    run_id: Type.String(),
  },
  strict,
)
export type SwitchEntry = Static<typeof SwitchEntry>

/** A node of production that a change was made on: its fingerprints then; null: it was not there. */
export const BaseRequirement = Type.Object(
  {
    kind: Type.Literal('base'),
    node: NodeIdText,
    definition: Type.Union([Hex, Type.Null()]),
    execution: Type.Union([Hex, Type.Null()]),
  },
  strict,
)
export type BaseRequirement = Static<typeof BaseRequirement>
