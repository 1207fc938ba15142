// Bundles made by hand from nodes and SQL, for tests of the runtime: what a compiler would write, without one. Edges are
// fresh unless a test carries them over.

import {
  BUNDLE_FORMAT,
  type Bundle,
  type BundleFile,
  buildSteps,
  type CheckStep,
  checkStepId,
  type NamespaceSpan,
  type Step,
  sealed,
} from '../../runtime/contract/bundle.ts'
import { byCodeUnit, fingerprintOf, prettyJson, sha256 } from '../../runtime/contract/canonical-json.ts'
import { type Check, checksFingerprint } from '../../runtime/contract/checks.ts'
import { asNodeId, environmentName, namespacePrefix, outputStem } from '../../runtime/contract/ids.ts'
import { freshEdge, type Manifest, type ManifestInput, type ManifestNode } from '../../runtime/contract/manifest.ts'

export interface NodeText {
  /** Of a transform: its inputs are found as `kind.name`. Of a source: its path, a .csv file or glob. */
  readonly sql?: string
  readonly path?: string
  /** Columns that each input is read for; default null, any. */
  readonly reads?: Readonly<Record<string, readonly string[]>>
  /** Carried fingerprints of edges, by input. */
  readonly edges?: Readonly<Record<string, string>>
  readonly volatile?: 'day' | 'always'
  /** Names of volatile functions or of order-dependent constructs. */
  readonly random?: boolean
  readonly clock?: boolean
  readonly parameters?: readonly string[]
  readonly description?: string
  /** What is checked of the output; `fails` is a condition on its rows. */
  readonly checks?: readonly CheckText[]
  readonly tags?: readonly string[]
}

export interface CheckText {
  readonly id: string
  readonly fails: string
  readonly severity?: 'error' | 'warn'
}

export interface BundleText {
  readonly nodes: Readonly<Record<string, NodeText>>
  readonly environment?: string
  readonly base?: Manifest | null
  /** Steps of an environment's bundle; everything else is read from production. */
  readonly steps?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
}

const PRELUDE = ['now', 'current_date']
  .map(
    (name) =>
      `CREATE OR REPLACE TEMP MACRO ${name}() AS CAST(getvariable('run_timestamp') AS ${name === 'now' ? 'TIMESTAMPTZ' : 'DATE'});\n`,
  )
  .join('')

/** Nodes must be given inputs first. */
export function makeBundle(text: BundleText): Bundle & { readonly manifest: Manifest; readonly base: Manifest | null } {
  const manifest = manifestOf(text)
  const base = text.base ?? null
  const prefix = text.environment === undefined ? '' : namespacePrefix(environmentName(text.environment) ?? null)
  const stepIds = text.steps ?? Object.keys(text.nodes)
  const checkIds = Object.keys(text.nodes).filter((id) => isChecked(id, text, manifest, stepIds))
  const steps = Object.keys(text.nodes).flatMap((id) => [
    ...(stepIds.includes(id) ? [stepOf(id, manifest, stepIds, prefix)] : []),
    ...(checkIds.includes(id) ? [checkOf(id, manifest, stepIds)] : []),
  ])
  const files = new Map<string, string>([
    ['manifest.json', prettyJson(manifest)],
    ['prelude.sql', PRELUDE],
    [
      'diff.json',
      prettyJson({
        format: 'seeknal.diff/1',
        has_base: base !== null,
        changes: [],
        execute: [],
        summary: { breaking: 0, non_breaking: 0, metadata: 0, added: 0, removed: 0, execute: 0 },
      }),
    ],
    ...(base === null ? [] : ([['base.json', prettyJson(base)]] as const)),
    ...stepIds.map((id) => [`apply/${id}.sql`, stepSql(id, text.nodes[id] ?? {}, manifest, stepIds, prefix)] as const),
    ...checkIds.map(
      (id) => [`apply/${id}.check.sql`, checkSql(id, text.nodes[id]?.checks ?? [], stepIds, prefix)] as const,
    ),
  ])
  const contract: Omit<BundleFile, 'digest'> = {
    format: BUNDLE_FORMAT,
    project: { name: 'test', version: '1' },
    environment: text.environment ?? null,
    prefix,
    engine: { name: 'duckdb', from: '1.5.0', before: '2.0.0' },
    dialect: 'duckdb',
    settings: { ...text.settings },
    base: base === null ? null : sha256(prettyJson(base)),
    requires: {
      connections: [],
      parameters: [...new Set(Object.values(text.nodes).flatMap((node) => node.parameters ?? []))].sort(),
      optional: [],
    },
    steps,
    promote: promotionOf(text, manifest, steps, base),
    namespaces: checkIds.filter((id) => prefix !== '' && stepIds.includes(id)).map((id) => checkSpan(id, prefix)),
    files: Object.fromEntries(
      [...files].map(([path, content]) => [path, sha256(content)]).sort(([a = ''], [b = '']) => byCodeUnit(a, b)),
    ),
  }
  const complete = sealed(contract)
  return { contract: complete.contract, files: new Map([...files, ['bundle.json', complete.text]]), manifest, base }
}

function promotionOf(
  text: BundleText,
  manifest: Manifest,
  steps: readonly Step[],
  base: Manifest | null,
): BundleFile['promote'] {
  const read = steps.flatMap((step) =>
    step.inputs.filter((input) => input.from === 'production').map((input) => input.node),
  )
  const gone = (base?.nodes ?? [])
    .filter((node) => text.nodes[node.id] === undefined && manifest.nodes.length > 0)
    .map((node) => node.id)
  return {
    replace: buildSteps({ steps })
      .map((step) => step.node)
      .sort(),
    remove: gone,
    read: [...new Set(read)].sort(),
  }
}

const inputsOf = (node: NodeText, ids: readonly string[]): string[] => {
  const found = [...(node.sql ?? '').matchAll(/\b(?:source|transform)\.\w+/g)].map(([ref]) => ref)
  return [...new Set(found)].filter((ref) => ids.includes(ref))
}

function manifestOf(text: BundleText): Manifest {
  const nodes = new Map<string, ManifestNode>()
  for (const [id, node] of Object.entries(text.nodes))
    nodes.set(id, manifestNode(id, node, Object.keys(text.nodes), nodes))
  const sorted = [...nodes.values()].sort((a, b) => byCodeUnit(a.id, b.id))
  return {
    format: 'seeknal.manifest/1',
    project: { name: 'test', version: '1' },
    engine: 'duckdb',
    dialect: 'duckdb',
    settings: { ...text.settings },
    nodes: sorted,
  }
}

function manifestNode(
  id: string,
  node: NodeText,
  ids: readonly string[],
  earlier: ReadonlyMap<string, ManifestNode>,
): ManifestNode {
  const refs = inputsOf(node, ids)
  const definition = {
    sql: node.sql ?? null,
    path: node.path ?? null,
    inputs: refs,
    parameters: [...(node.parameters ?? [])],
    volatile: node.volatile ?? null,
  }
  const inputs = refs.map((ref): ManifestInput => {
    const input = earlier.get(ref)
    const fresh = input === undefined ? fingerprintOf(ref) : freshEdge(input)
    const reads = node.reads?.[ref]
    return {
      ref,
      fingerprint: node.edges?.[ref] ?? fresh,
      covers: null,
      reads: reads === undefined ? null : [...reads],
    }
  })
  return {
    id,
    kind: id.split('.')[0] ?? '',
    name: id.split('.')[1] ?? '',
    file: `seeknal/${id}.yml`,
    tags: [...(node.tags ?? [])],
    definition,
    definition_fingerprint: fingerprintOf(definition),
    inputs,
    columns: null,
    columns_fingerprint: null,
    lineage: null,
    reproducibility: { clock: node.clock ?? false, volatile: node.random ? ['random'] : [], order_dependent: [] },
    parameters: [...(node.parameters ?? [])].sort(),
    ...(node.description === undefined ? {} : { description: node.description }),
    ...(node.checks === undefined ? {} : checkMembers(node.checks)),
    ...(node.volatile === undefined ? {} : { volatile: node.volatile }),
    ...(node.sql === undefined ? {} : { sql: node.sql }),
    ...(node.path === undefined ? {} : { source_files: { format: 'csv', path: node.path } }),
  }
}

/** The condition stands for the values, so that another one is another check. */
function checkMembers(texts: readonly CheckText[]): Pick<ManifestNode, 'checks' | 'checks_fingerprint'> {
  const checks = texts.map(
    ({ id, fails, severity = 'error' }): Check => ({
      id,
      type: 'accepted_values',
      columns: [],
      severity,
      values: [fails],
    }),
  )
  return { checks, checks_fingerprint: checksFingerprint(checks) }
}

/** Checked are nodes that are built, and nodes of which only the checks are others than in production. */
function isChecked(id: string, { nodes, base }: BundleText, manifest: Manifest, stepIds: readonly string[]): boolean {
  if (nodes[id]?.checks === undefined) return false
  const checksIn = (of: Manifest | null | undefined) => of?.nodes.find((node) => node.id === id)?.checks_fingerprint
  return stepIds.includes(id) || checksIn(base) !== checksIn(manifest)
}

function checkOf(id: string, manifest: Manifest, stepIds: readonly string[]): CheckStep {
  const isBuilt = stepIds.includes(id)
  const checks = manifest.nodes.find((node) => node.id === id)?.checks ?? []
  return {
    id: checkStepId(id),
    kind: 'check',
    node: id,
    inputs: [{ node: id, from: isBuilt ? 'bundle' : 'production' }],
    file: `apply/${checkStepId(id)}.sql`,
    depends_on: isBuilt ? [id] : [],
    category: 'new',
    reasons: [],
    checks: checks.map(({ values: _, ...check }) => check),
  }
}

const CHECK_HEAD = "WITH output AS (FROM read_parquet(getvariable('"

function checkSql(id: string, checks: readonly CheckText[], stepIds: readonly string[], prefix: string): string {
  const root = `${stepIds.includes(id) ? prefix : ''}outputs`
  const selects = checks.map(
    ({ id: check, fails, severity = 'error' }) =>
      `SELECT '${check}', '${severity}', count(*) FROM output WHERE ${fails}`,
  )
  return `${CHECK_HEAD}${root}') || '/${outputStem(asNodeId(id))}.parquet'))\n${selects.join('\nUNION ALL\n')};\n`
}

const checkSpan = (id: string, prefix: string): NamespaceSpan => ({
  file: `apply/${checkStepId(id)}.sql`,
  start: CHECK_HEAD.length,
  text: prefix,
  identifier: 'outputs',
  role: 'root',
  reason: '',
})

function stepOf(id: string, manifest: Manifest, stepIds: readonly string[], prefix: string): Step {
  const inputs = (manifest.nodes.find((node) => node.id === id)?.inputs ?? []).map(({ ref }) => ({
    node: ref,
    from: stepIds.includes(ref) ? ('bundle' as const) : ('production' as const),
  }))
  return {
    id,
    kind: 'build',
    node: id,
    inputs,
    output: { relation: prefix + id, file: `${outputStem(asNodeId(id))}.parquet` },
    file: `apply/${id}.sql`,
    depends_on: inputs.filter((input) => input.from === 'bundle').map((input) => input.node),
    category: 'new',
    reasons: [],
  }
}

function stepSql(id: string, node: NodeText, manifest: Manifest, stepIds: readonly string[], prefix: string): string {
  const refs = (manifest.nodes.find((other) => other.id === id)?.inputs ?? []).map((input) => input.ref)
  const outputs = (ref: string) =>
    `getvariable('${stepIds.includes(ref) ? prefix : ''}outputs') || '/${outputStem(asNodeId(ref))}.parquet'`
  const views = refs.map(
    (ref) =>
      `CREATE SCHEMA IF NOT EXISTS ${ref.split('.')[0]};\nCREATE OR REPLACE VIEW ${ref} AS\nFROM read_parquet(${outputs(ref)});\n\n`,
  )
  const path = `getvariable('data') || '/${(node.path ?? '').replace(/\{\{ (\w+) \}\}/g, "' || getvariable('$1') || '")}'`
  const query = node.sql ?? `SELECT * FROM read_csv(${path})`
  return `${views.join('')}COPY (\n${query}\n) TO (${outputs(id)}) (FORMAT parquet, PARQUET_VERSION v2);\n`
}
