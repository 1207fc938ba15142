// What bundle.json says, apart from the digests of the files: steps in their order, what is promoted, what a run needs,
// and every place where the environment's prefix was put in.

import {
  BUNDLE_FORMAT,
  type BundleFile,
  checkStepId,
  type Extract,
  type NamespaceSpan,
  type Step,
  type TableOutput,
} from '../../runtime/contract/bundle.ts'
import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import { ENGINES } from '../../runtime/contract/engines.ts'
import { extractFile, SESSION_SETTINGS } from '../../runtime/contract/extract.ts'
import { namespacePrefix, outputStem } from '../../runtime/contract/ids.ts'
import { kindSchema, stepLoadFile, viewNameOf } from '../../runtime/contract/table-steps.ts'
import { relationOf } from '../../runtime/contract/targets.ts'
import { variable } from '../dialect/duckdb.ts'
import type { PlannedStep } from '../plan.ts'
import { isElsewhere, isTable, isTransform, type ResolvedTable } from '../resolve.ts'
import { madeBy, ownTypes } from '../rewrite/database-step.ts'
import type { Rewritten, RewrittenStep } from '../rewrite.ts'
import type { Engine } from '../validate.ts'

/** What results depend on beyond the SQL; the project's own settings win. */
const SETTINGS = {
  Calendar: 'gregorian',
  TimeZone: 'UTC',
  default_null_order: 'NULLS_LAST',
  default_order: 'ASC',
} as const

export type Contract = Omit<BundleFile, 'digest' | 'files'>

/** `base` is the SHA-256 of base.json, or null. */
export function contractOf(rewritten: Rewritten, base: string | null): Contract {
  const { planned } = rewritten
  const { manifest } = planned.diffed
  const prefix = namespacePrefix(planned.environment)
  const gates = gatesOf(planned.steps)
  const { engine } = planned.diffed.bound.graph.project
  const { isDatabase } = ENGINES[engine.name]
  const extracts = extractsOf(rewritten)
  const tables = isDatabase ? tablesOf(rewritten, prefix) : null
  const types = new Map(rewritten.steps.flatMap((step) => (step.types === undefined ? [] : [[step.id, step.types]])))
  const steps = planned.steps.map((step) => stepOf(step, prefix, gates, { extracts, tables, types }))
  return {
    format: BUNDLE_FORMAT,
    project: manifest.project,
    environment: planned.environment,
    prefix,
    engine: engineOf(planned.diffed.bound.graph.project.engine),
    dialect: manifest.dialect,
    settings: isDatabase ? { ...SESSION_SETTINGS } : settingsOf(manifest.settings),
    base,
    requires: {
      connections: connectionsOf(steps, engine.connection),
      ...parametersOf(rewritten, extracts, isDatabase),
    },
    steps,
    promote: {
      replace: [...planned.promote.replace],
      remove: [...planned.promote.remove],
      read: [...planned.promote.read],
      ...promotedTargets(rewritten),
    },
    namespaces: rewritten.steps.flatMap(spansOf),
  }
}

/** The engine compares names of settings without regard to case. */
function settingsOf(own: Readonly<Record<string, string>>): Record<string, string> {
  const named = new Set(Object.keys(own).map((name) => name.toLowerCase()))
  return { ...Object.fromEntries(Object.entries(SETTINGS).filter(([name]) => !named.has(name.toLowerCase()))), ...own }
}

/** A parameter may be left out when each step that reads it has a default beside it; run_timestamp is always given. */
function parametersOf(
  { planned, steps }: Rewritten,
  extracts: ReadonlyMap<string, Extract>,
  isDatabase: boolean,
): Pick<Contract['requires'], 'parameters' | 'optional'> {
  const ids = new Set<string>(planned.steps.map((step) => step.node))
  const nodes = planned.diffed.manifest.nodes.filter((node) => ids.has(node.id))
  const parameters = [...new Set(nodes.flatMap((node) => node.parameters))].sort(byCodeUnit)
  const { graph, queries } = planned.diffed.bound
  // What another dialect says of a parameter stands in its values; what is translated, in the author's SQL.
  const transforms = isDatabase ? graph.nodes.filter(isTransform) : []
  const texts = isDatabase
    ? transforms.flatMap(({ sql, postgresql }) => (postgresql === undefined ? [sql.text] : []))
    : steps.map(({ sql }) => sql)
  const asked = [
    ...[...extracts.values()].flatMap(({ values }) => Object.values(values ?? {})),
    ...transforms.flatMap(({ id, postgresql }) =>
      postgresql === undefined ? [] : Object.values(queries.get(id)?.variables ?? {}),
    ),
    ...(isDatabase ? graph.nodes.filter(isTable) : []).flatMap((node) => Object.values(valuesOf(node).values ?? {})),
  ]
  const isOptional = (name: string): boolean => {
    const parts = texts.flatMap((sql) => sql.split(variable(name)).slice(0, -1))
    const isNeeded = asked.some((text) => text.includes(`{{ ${name} }}`))
    return name.startsWith('env.') && !isNeeded && parts.every((before) => before.endsWith('coalesce('))
  }
  return { parameters, optional: parameters.filter(isOptional) }
}

export const stepFile = (id: string): string => `apply/${id}.sql`
/** The inverse of `stepFile`. */
export const stepIdIn = (file: string): string => file.slice('apply/'.length, -'.sql'.length)

export function stepId(step: PlannedStep): string {
  if (step.kind === 'materialize') return step.id
  return step.kind === 'check' ? checkStepId(step.node) : step.node
}

/** `promote/<id>.sql`: what writes production's table. */
export const promotionFile = (id: string): string => `promote/${id}.sql`

function promotedTargets({ steps }: Rewritten): Pick<Contract['promote'], 'materialize'> {
  const own = steps.filter((step) => step.production !== undefined).map(({ id }) => [id, promotionFile(id)] as const)
  return own.length === 0 ? {} : { materialize: Object.fromEntries(own) }
}

/** Checks that may fail what reads their node: those readers wait for. */
const gatesOf = (steps: readonly PlannedStep[]): ReadonlySet<string> =>
  new Set(
    steps.flatMap((step) =>
      step.kind === 'check' && step.checks.some((check) => check.severity === 'error') ? [step.node] : [],
    ),
  )

function connectionsOf(steps: readonly Step[], ofEngine: string | null): Contract['requires']['connections'] {
  const names = [...(ofEngine === null ? [] : [ofEngine]), ...steps.flatMap((step) => connectionOf(step) ?? [])]
  return [...new Set(names)].sort(byCodeUnit).map((name) => ({ name, type: 'postgresql' }))
}

function connectionOf(step: Step): string | undefined {
  if (step.kind === 'materialize') return step.connection
  return step.kind === 'build' ? step.extract?.connection : undefined
}

/** What asks databases for the rows of sources, by node. */
function extractsOf({ planned }: Rewritten): ReadonlyMap<string, Extract> {
  const { graph, bound } = planned.diffed.bound
  const { engine } = graph.project
  const asked = graph.nodes
    .filter(isTable)
    .filter((node) => !ENGINES[engine.name].isDatabase || isElsewhere(node, engine))
  const found = asked.map((node): readonly [string, Extract] => {
    const { growth } = node.node
    const types = ownTypes(node, bound.get(node.id) ?? {})
    return [
      node.id,
      {
        connection: node.connection,
        file: extractFile(node.id),
        types: { ...types },
        ...valuesOf(node),
        ...(growth === null || ENGINES[engine.name].isDatabase
          ? {}
          : { growth: { time_column: growth.timeColumn, lookback_seconds: growth.lookbackSeconds } }),
      },
    ]
  })
  return new Map(found)
}

const valuesOf = ({ asked }: ResolvedTable): Pick<Extract, 'values'> =>
  asked.kind === 'query' && Object.keys(asked.values).length > 0 ? { values: { ...asked.values } } : {}

interface Outputs {
  readonly extracts: ReadonlyMap<string, Extract>
  /** Null: outputs are files. */
  readonly tables: ReadonlyMap<string, TableOutput> | null
  /** By step that writes a target of the engine's database. */
  readonly types: ReadonlyMap<string, Readonly<Record<string, string>>>
}

/** Views by which the outputs of a database are found, by node. */
function tablesOf({ planned }: Rewritten, prefix: string): ReadonlyMap<string, TableOutput> {
  const { graph, queries } = planned.diffed.bound
  const found = graph.nodes.map((node): readonly [string, TableOutput] => {
    const schema = `${prefix}${kindSchema(graph.project.engine.schema ?? '', node.node.kind)}`
    const name = viewNameOf(node.id)
    const made = madeBy(node, graph.project.engine)
    const ofTable = isTable(node) && node.asked.kind === 'query' && made !== 'copy' ? node.asked.values : undefined
    const values = ofTable ?? queries.get(node.id)?.variables
    return [
      node.id,
      {
        ...(made === 'load' ? { load: stepLoadFile(node.id) } : {}),
        made,
        name,
        ...(isTransform(node) && node.node.publish === 'table' ? { publish: 'table' as const } : {}),
        relation: `${schema}.${name}`,
        schema,
        ...(values === undefined || Object.keys(values).length === 0 ? {} : { values: { ...values } }),
      },
    ]
  })
  return new Map(found)
}

const engineOf = ({ name, connection, schema }: Engine): Contract['engine'] => ({
  name,
  from: ENGINES[name].from,
  before: ENGINES[name].before,
  ...(connection === null ? {} : { connection }),
  ...(schema === null ? {} : { schema }),
})

function stepOf(
  step: PlannedStep,
  prefix: string,
  gates: ReadonlySet<string>,
  { extracts, tables, types }: Outputs,
): Step {
  const made = step.inputs.filter((input) => input.from === 'bundle').map((input) => input.node)
  const { node, category } = step
  const id = stepId(step)
  const [file, inputs, reasons] = [stepFile(id), [...step.inputs], [...step.reasons]]
  if (step.kind === 'check') {
    const checks = step.checks.map(({ values: _, ...check }) => check)
    return { category, checks, depends_on: made, file, id, inputs, kind: 'check', node, reasons }
  }
  if (step.kind === 'materialize') {
    const { index: target, target: described } = step
    const depends_on = [...made, ...(gates.has(node) ? [checkStepId(node)] : [])]
    const [connection, relation] = [described.connection, relationOf(described, prefix)]
    const own = types.get(id)
    const typed = own === undefined ? {} : { types: { ...own } }
    const written = { connection, relation, target, ...typed }
    return { category, depends_on, file, id, inputs, kind: 'materialize', node, reasons, ...written }
  }
  const checked = step.inputs.filter((input) => gates.has(input.node)).map((input) => checkStepId(input.node))
  const output = tables?.get(node) ?? { file: `${outputStem(node)}.parquet`, relation: `${prefix}${node}` }
  const extract = extracts.get(node)
  const asked = extract === undefined ? {} : { extract }
  return {
    category,
    depends_on: [...made, ...checked, ...(step.after ?? [])],
    ...asked,
    file,
    id,
    inputs,
    kind: 'build',
    node,
    output,
    reasons,
  }
}

/** Offsets in characters → in bytes of the file. */
function spansOf({ id, sql, spans, extract = '', extractSpans = [] }: RewrittenStep): NamespaceSpan[] {
  return [...inBytes(stepFile(id), sql, spans), ...inBytes(extractFile(id), extract, extractSpans)]
}

function inBytes(file: string, sql: string, spans: RewrittenStep['spans']): NamespaceSpan[] {
  let at = 0
  let bytes = 0
  return spans.map((span) => {
    bytes += Buffer.byteLength(sql.slice(at, span.start))
    at = span.start
    return { file, ...span, start: bytes }
  })
}
