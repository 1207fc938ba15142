// The bundle for people: what changed and why, what executes, what cannot be undone. Fits in a pull-request comment
// (65,536 characters), so long tables are cut and say so. Text of authors is data: it cannot break a table or the page.

import {
  type BuildStep,
  type BundleFile,
  buildSteps,
  type CheckStep,
  checkSteps,
  type MaterializeStep,
  materializeSteps,
  tableOf,
} from '../../runtime/contract/bundle.ts'
import type { Change, Diff } from '../../runtime/contract/diff.ts'
import { assertNever } from '../../runtime/contract/failures.ts'
import { isReproducible, type Manifest, type ManifestNode } from '../../runtime/contract/manifest.ts'
import { relationOf, type Target } from '../../runtime/contract/targets.ts'
import reviewTemplate from '../../templates/review.md.hbs'
import { mermaid } from './mermaid.ts'
import { template } from './templates.ts'

const MOST_ROWS = 50
const MOST_NAMES = 8

interface ReviewValues {
  readonly title: string
  readonly summary: string
  readonly against: string
  readonly destructive: readonly string[]
  readonly changes: readonly {
    readonly node: string
    readonly category: string
    readonly what: string
    readonly affects: string
  }[]
  readonly more_changes: number
  readonly steps: readonly {
    readonly number: number
    readonly id: string
    readonly file: string
    readonly reads: string
    readonly why: string
  }[]
  readonly more_steps: number
  readonly checks: readonly {
    readonly id: string
    readonly file: string
    readonly what: string
    readonly why: string
  }[]
  readonly more_checks: number
  readonly maybe: string
  readonly graph: string
  readonly external: readonly {
    readonly node: string
    readonly apply: string
    readonly promote: string
    readonly connection: string
    readonly how: string
    readonly file: string
  }[]
  readonly more_external: number
  readonly is_environment: boolean
  readonly unsteady: readonly string[]
  readonly parameters: readonly string[]
}

const fill = template<ReviewValues>('review.md.hbs', reviewTemplate)

/** The manifests need to hold what changed, what executes, and their neighbours. */
export interface Reviewed {
  readonly diff: Diff
  readonly manifest: Manifest
  readonly base: Manifest | null
}

/** `contract` is the bundle's, without the digests that are taken afterwards. */
export function review({ diff, manifest, base }: Reviewed, contract: Omit<BundleFile, 'digest' | 'files'>): string {
  const due = new Set(diff.execute.map((execution) => execution.node))
  const steps = buildSteps(contract).filter((step) => due.has(step.node))
  const checks = checkSteps(contract).filter((step) => due.has(step.node) || diff.check?.includes(step.node))
  const targets = materializeSteps(contract).filter((step) => due.has(step.node) || contract.environment !== null)
  const executing = manifest.nodes.filter((node) => due.has(node.id))
  return fill({
    title: `${text(`${contract.project.name} ${contract.project.version}`)}: ${contract.environment === null ? 'production' : `environment ${contract.environment}`}`,
    summary: summary(diff),
    against:
      contract.base === null
        ? 'There is no production yet: everything is new.'
        : `Compared with production \`${contract.base.slice(0, 12)}\`.`,
    destructive: [
      ...diff.changes.flatMap(destructive),
      ...targets.flatMap((step) => replacing(step, manifest, contract.prefix)),
      ...steps.flatMap((step) => refilled(step, contract.prefix)),
    ],
    changes: diff.has_base ? diff.changes.slice(0, MOST_ROWS).map(changeRow) : [],
    more_changes: diff.has_base ? Math.max(0, diff.changes.length - MOST_ROWS) : 0,
    steps: steps.slice(0, MOST_ROWS).map(stepRow),
    more_steps: Math.max(0, steps.length - MOST_ROWS),
    checks: checks.slice(0, MOST_ROWS).map(checkRow),
    more_checks: Math.max(0, checks.length - MOST_ROWS),
    maybe: codes(diff.execute.filter((execution) => execution.maybe).map((execution) => execution.node)),
    graph: mermaid(diff, manifest, base),
    external: targets.slice(0, MOST_ROWS).map((step) => externalRow(step, manifest, contract.prefix)),
    more_external: Math.max(0, targets.length - MOST_ROWS),
    is_environment: contract.environment !== null,
    unsteady: executing.filter((node) => !isReproducible(node.reproducibility)).map(unsteady),
    parameters: contract.requires.parameters.map(
      (name) =>
        `${code(name)}: ${codes(executing.filter((node) => node.parameters.includes(name)).map((node) => node.id))}`,
    ),
  })
}

function summary({ summary: s, changes, check }: Diff): string {
  const counts = [
    [s.breaking, 'breaking change', 'breaking changes'],
    [s.non_breaking, 'non-breaking change', 'non-breaking changes'],
    [s.metadata, 'metadata-only change', 'metadata-only changes'],
    [s.added, 'new node', 'new nodes'],
    [s.removed, 'removed node', 'removed nodes'],
  ] as const
  const said = counts.filter(([n]) => n > 0).map(([n, one, many]) => `${n} ${n === 1 ? one : many}`)
  const what = changes.length === 0 ? 'No changes' : said.join(', ')
  const checked = check === undefined ? '' : `, ${check.length} ${check.length === 1 ? 'is' : 'are'} only checked`
  return `${what}; ${s.execute} ${s.execute === 1 ? 'node executes' : 'nodes execute'}${checked}.`
}

const CATEGORY: Readonly<Record<Change['category'], string>> = {
  breaking: '**breaking**',
  non_breaking: 'non-breaking',
  metadata: 'metadata-only',
}

const changeRow = (change: Change) => ({
  node: change.node,
  category: change.change === 'modified' ? CATEGORY[change.category] : `${CATEGORY[change.category]}, ${change.change}`,
  what: change.reasons.map((reason) => text(reason.text)).join('<br>') || '–',
  affects: codes(change.affects) || 'nothing downstream',
})

const checkRow = (step: CheckStep) => ({
  id: step.node,
  file: step.file,
  what: step.checks
    .map(({ id, severity }) => (severity === 'error' ? code(id) : `${code(id)} (${severity})`))
    .join('<br>'),
  why: step.reasons.map(text).join('<br>') || step.category,
})

const stepRow = (step: BuildStep, index: number) => ({
  number: index + 1,
  id: step.id,
  file: step.file,
  reads:
    step.inputs.map(({ node, from }) => `${code(node)}${from === 'production' ? ' (production)' : ''}`).join(', ') ||
    (tableOf(step)?.made === 'view'
      ? 'a table of the database'
      : step.extract === undefined
        ? 'files'
        : `[connection ${code(step.extract.connection)}](${step.extract.file})`),
  why: step.reasons.map(text).join('<br>') || step.category,
})

/** What a promotion takes away from readers. */
function destructive(change: Change): string[] {
  if (change.change === 'removed') return [`${code(change.node)} is removed with its output`]
  const { node, columns_removed: removed, columns_retyped: retyped } = change
  return [
    ...(removed.length > 0 ? [`${code(node)} loses ${codes(removed)}`] : []),
    ...(retyped.length > 0 ? [`${code(node)} changes the type of ${codes(retyped)}`] : []),
  ]
}

const targetOf = ({ node, target }: MaterializeStep, { nodes }: Manifest): Target | undefined =>
  nodes.find(({ id }) => id === node)?.targets?.[target]

function externalRow(step: MaterializeStep, manifest: Manifest, prefix: string): ReviewValues['external'][number] {
  const target = targetOf(step, manifest)
  const relation = (before: string): string => (target === undefined ? '' : code(relationOf(target, before)))
  return {
    node: step.node,
    apply: relation(prefix),
    promote: relation(''),
    connection: code(step.connection),
    how: target === undefined ? '' : how(target),
    file: step.file,
  }
}

/** Mode and keys. */
function how({
  mode,
  unique_keys: keys,
  null_keys,
  time_column: time,
  lookback_days: days,
  ...target
}: Target): string {
  const parts = [
    mode,
    ...(keys === undefined ? [] : [`by ${codes(keys)}`]),
    ...(null_keys === undefined ? [] : ['NULL keys match']),
    ...(time === undefined ? [] : [`by ${code(time)}`]),
    ...(days === undefined ? [] : [`looks back ${days} ${days === 1 ? 'day' : 'days'}`]),
    ...(target.create_table === false ? ['the table must be there'] : []),
  ]
  return parts.join(', ')
}

/** A table of its own that readers of an output find. */
function refilled(step: BuildStep, prefix: string): string[] {
  const output = tableOf(step)
  if (output?.publish === undefined) return []
  const own = `${code(output.relation)}${prefix === '' ? '' : `, and at the promotion ${code(output.relation.slice(prefix.length))}`}`
  return [`${code(step.node)} replaces all rows of the table ${own}`]
}

/** What a target's statements take away. In an environment the promotion's are meant, too. */
function replacing(step: MaterializeStep, manifest: Manifest, prefix: string): string[] {
  const target = targetOf(step, manifest)
  if (target === undefined) return []
  const own = code(relationOf(target, ''))
  const where = prefix === '' ? own : `${code(relationOf(target, prefix))}, and at the promotion ${own},`
  switch (target.mode) {
    case 'overwrite':
      return [
        `${code(step.node)} replaces all rows of ${where}`.replace(/,$/, ''),
        ...(target.recreate === true
          ? [`If the columns of ${where} do not fit, the table is dropped and made anew`]
          : []),
      ]
    case 'incremental_by_time':
      return [
        `${code(step.node)} replaces the rows of ${where} whose ${code(target.time_column ?? '')} is in its own range`,
      ]
    case 'upsert_by_key':
      return [`${code(step.node)} changes the rows of ${where} that have its keys`]
    case 'append':
      return []
    default:
      return assertNever(target.mode)
  }
}

const unsteady = ({ id, reproducibility }: ManifestNode): string =>
  `${code(id)}: ${[...reproducibility.volatile.map((name) => `${name}()`), ...reproducibility.order_dependent].map(code).join(', ')}`

const codes = (names: readonly string[]): string =>
  names.slice(0, MOST_NAMES).map(code).join(', ') +
  (names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '')

/** A code span that holds any text: its fence is longer than every run of back quotes inside. */
function code(name: string): string {
  const plain = name.replace(/\s+/g, ' ').replaceAll('|', '\\|')
  if (!plain.includes('`')) return `\`${plain}\``
  const fence = '`'.repeat(Math.max(...[...plain.matchAll(/`+/g)].map((run) => run[0].length)) + 1)
  return `${fence} ${plain} ${fence}`
}

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' }

/** Text in a table cell or a line: one line, and nothing of it is markup. Inside a word `_` is none. */
const text = (value: string): string =>
  value
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\|<>&*`[\]#~]|(?<!\w)_|_(?!\w)/g, (char) => ENTITIES[char] ?? `\\${char}`)
