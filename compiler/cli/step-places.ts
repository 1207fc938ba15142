// A failed step → the author's place: from the offset in the step's file, without the environment's prefixes, through
// the resolved SQL, to line and column of the YAML file. A failed check → its test. Null when it cannot be told.

import type { Explained } from '../../runtime/cli/failure-summary.ts'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import type { CheckStep, MaterializeStep, OpenedBundle } from '../../runtime/contract/bundle.ts'
import { byCodeUnit } from '../../runtime/contract/canonical-json.ts'
import type { StepCheck } from '../../runtime/contract/checks.ts'
import type { Diagnostic, Place } from '../../runtime/contract/diagnostics.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { targetName } from '../../runtime/contract/targets.ts'
import { UnconnectedFailure } from '../../runtime/execute/connections.ts'
import type { ExecuteOptions, NodeResult, RunResult } from '../../runtime/execute/run.ts'
import { executeBundle } from '../../runtime/execute.ts'
import { isTransform, type Resolved, type ResolvedNode, type ResolvedTransform } from '../resolve.ts'
import { productionStatement } from '../rewrite/database-step.ts'
import { placeInSql } from '../sql/placed-text.ts'
import { originOf } from '../sql/spliced-text.ts'
import { foldCase } from '../sql/tree.ts'
import { type CompileRequest, compiled } from './compile-project.ts'
import { frame, sourceLines } from './diagnostics.ts'
import type { Workspace } from './workspace.ts'

type Params = CompileRequest['params']

export interface ProjectRun {
  readonly workspace: Workspace
  readonly bundle: OpenedBundle
  readonly params: Params
  readonly terminal: Terminal
}

type FailedNode = Pick<NodeResult, 'node' | 'failure'>

/** A failed node at the place in its YAML file. */
export async function explainFailure(run: ProjectRun, result: FailedNode): Promise<Explained | null> {
  const { failure } = result
  if (failure === undefined) return null
  const place = await placeOfFailure(run, result)
  if (place === null) return null
  const diagnostic: Diagnostic = {
    code: failure.code,
    severity: 'error',
    message: `${result.node}: ${failure.message}`,
    facts: failure.facts,
    place: place.main,
    hints: [...failure.hints, ...(place.hints ?? [])],
    notes: place.notes,
  }
  return { lines: frame(diagnostic, sourceLines(run.workspace.files())), place: place.main }
}

/** Executes; a run that did not begin, since it has no connection for what it names, is shown where that is named. */
export async function executeExplained(run: ProjectRun, options: ExecuteOptions): Promise<RunResult> {
  try {
    return await executeBundle(run.bundle, options)
  } catch (error) {
    throw error instanceof UnconnectedFailure ? await explainUnconnected(run, error) : error
  }
}

async function explainUnconnected(run: ProjectRun, failure: UnconnectedFailure): Promise<RuntimeFailure> {
  for (const unconnected of failure.all) {
    const explained = await explainFailure(run, unconnected)
    if (explained === null) return failure
    for (const line of explained.lines) run.terminal.problem(line)
  }
  return new RuntimeFailure(failure.code, 'Nothing was executed: connections are missing.', failure.facts)
}

interface FailurePlace {
  readonly main: Place
  readonly notes: Diagnostic['notes']
  readonly hints?: readonly string[]
}

async function placeOfFailure(
  { workspace, bundle, params }: ProjectRun,
  { node: id, failure }: FailedNode,
): Promise<FailurePlace | null> {
  const { last } = await compiled(workspace, { environment: null, past: null, params, stopAfter: 'resolve' })
  const resolved = isResolved(last.output) ? last.output.nodes.find((node) => node.id === id) : undefined
  if (resolved === undefined || failure === undefined) return null
  const { file, offset } = failure.facts
  const step = bundle.contract.steps.find((candidate) => candidate.node === id && candidate.file === file)
  if (step?.kind === 'check') return placeOfChecks(resolved, failedChecks(step, failure))
  const written = bundle.contract.steps.find((candidate) => candidate.id === failure.facts.step)
  if (written?.kind === 'materialize') return { main: placeOfTarget(resolved, bundle, written), notes: [] }
  const text = step === undefined ? undefined : bundle.files.get(step.file)
  if (step !== undefined && text !== undefined && typeof offset === 'number' && isTransform(resolved)) {
    const production = withoutPrefixes(bundle, step.file, text, offset)
    const { schema } = bundle.contract.engine
    if (schema !== undefined) return placeInDatabase(resolved, { ...production, schema, file: step.file })
    const found = placeInAuthorsSql(resolved, production)
    if (found !== null) return { main: found, notes: [] }
  }
  return { main: resolved.node.place, notes: [] }
}

/** The checks that a failure is about: those that failed, or all when they could not run. */
const failedChecks = (step: CheckStep, { facts }: RuntimeFailure): readonly StepCheck[] => {
  const failed = new Set(Array.isArray(facts.checks) ? facts.checks.map((check: StepCheck) => check.id) : [])
  return failed.size === 0 ? step.checks : step.checks.filter((check) => failed.has(check.id))
}

/** Where tests are written; the first is the place, the others are notes. */
function placeOfChecks({ node }: ResolvedNode, checks: readonly StepCheck[]): FailurePlace {
  const columns = (names: readonly string[]): string => names.map(foldCase).sort(byCodeUnit).join('\n')
  const found = checks.flatMap((check) => {
    const declared = node.checks.filter(
      ({ type, severity, columns: own }) =>
        type === check.type &&
        severity === check.severity &&
        columns(own.map((column) => column.name)) === columns(check.columns),
    )
    return declared.slice(0, 1).map(({ place }) => ({ message: `The test ${check.id}.`, place }))
  })
  const [first, ...others] = found
  return { main: first?.place ?? node.place, notes: others }
}

/** Where the table of a target is named. */
function placeOfTarget({ node }: ResolvedNode, { manifest }: OpenedBundle, step: MaterializeStep): Place {
  const target = manifest.nodes.find(({ id }) => id === step.node)?.targets?.[step.target]
  const name = target === undefined ? null : targetName(target)
  return node.targets.find((declared) => targetName(declared.target) === name)?.place ?? node.place
}

/** The step's text as in production, and the offset in it. Spans count bytes of UTF-8. */
function withoutPrefixes(
  bundle: OpenedBundle,
  file: string,
  text: string,
  offset: number,
): { readonly text: string; readonly offset: number } {
  let bytes = Buffer.from(text, 'utf8')
  let at = Buffer.byteLength(text.slice(0, offset), 'utf8')
  const spans = bundle.contract.namespaces.filter((span) => span.file === file).sort((a, b) => b.start - a.start)
  for (const span of spans) {
    const length = Buffer.byteLength(span.text, 'utf8')
    bytes = Buffer.concat([bytes.subarray(0, span.start), bytes.subarray(span.start + length)])
    if (span.start < at) at -= Math.min(length, at - span.start)
  }
  return { text: bytes.toString('utf8'), offset: bytes.subarray(0, at).toString('utf8').length }
}

function placeInAuthorsSql(
  resolved: ResolvedNode,
  step: { readonly text: string; readonly offset: number },
): Place | null {
  if (!isTransform(resolved)) return null
  const { sql } = resolved
  for (const statement of sql.statements) {
    const written = sql.text.slice(statement.start, statement.end)
    const start = step.text.lastIndexOf(written)
    if (start === -1 || step.offset < start || step.offset >= start + written.length) continue
    return placeInSql(sql, statement.start + (step.offset - start), 1)
  }
  return null
}

/** A database says where in the SQL that it was given; a translation's places are not the author's. */
function placeInDatabase(
  { sql, postgresql }: ResolvedTransform,
  step: { readonly text: string; readonly offset: number; readonly schema: string; readonly file: string },
): FailurePlace {
  let at = 0
  for (const statement of postgresql === undefined ? [] : [...postgresql.query.before, postgresql.query]) {
    const spliced = productionStatement(statement, step.schema)
    const start = step.text.indexOf(spliced.text.trimEnd(), at)
    if (start < 0) break
    at = start + spliced.text.trimEnd().length
    if (step.offset >= start && step.offset < at) {
      const offset = statement.start + originOf(spliced, step.offset - start)
      const word = /^[\w."]+/.exec(sql.text.slice(offset))?.[0]
      return { main: placeInSql(sql, offset, word?.length ?? 1), notes: [] }
    }
  }
  const lines = step.text.slice(0, step.offset).split('\n')
  const place = `${step.file}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`
  return {
    main: placeInSql(sql, 0, sql.text.length),
    notes: [],
    hints: [`Only the node is known: the place is in the SQL of the bundle, ${place}.`],
  }
}

const isResolved = (output: unknown): output is Resolved =>
  typeof output === 'object' && output !== null && 'nodes' in output && Array.isArray(output.nodes)
