// What a run says while it goes on and when it has ended: lines for people, a bar on a terminal, JSON lines with --json.

import type { RuntimeFailure } from '../contract/failures.ts'
import { RuntimeFailure as Failure } from '../contract/failures.ts'
import type { Manifest } from '../contract/manifest.ts'
import { inexactPart, KEPT } from '../contract/stored-columns.ts'
import type { NodeResult, RunEvent, RunResult } from '../execute/run.ts'
import { checkCount, checkSummary, warnedChecks } from './check-lines.ts'
import { ProgressBar } from './progress-bar.ts'
import type { Terminal } from './terminal.ts'
import { counted, duration, oneLine, rowCount, type Text } from './text.ts'

/** Explains a failed node better than its failure alone: the place in the author's file. */
export type Explain = (result: NodeResult) => Promise<readonly Text[] | null>

export class RunReport {
  readonly #terminal: Terminal
  readonly #bar: ProgressBar | null
  /** Nodes of which no compiler could say which types they have. */
  readonly #late: ReadonlySet<string>
  #width = 0

  constructor(terminal: Terminal, { nodes }: Pick<Manifest, 'nodes'>) {
    this.#terminal = terminal
    this.#late = new Set(nodes.flatMap((node) => (node.columns === null ? [node.id] : [])))
    const drawn = terminal.options.interactive && !terminal.options.quiet && process.stderr.isTTY === true
    this.#bar = drawn ? new ProgressBar() : null
  }

  readonly onEvent = (event: RunEvent): void => {
    if (event.kind === 'planned') {
      this.#width = Math.max(0, ...event.due.map((node) => node.length))
      this.#bar?.start(event.due.length)
    } else if (event.kind === 'started') this.#bar?.running(event.node)
    else if (event.kind === 'writing') this.#bar?.running(event.node)
    else if (event.kind === 'retried') this.#retried(event)
    else if (event.kind === 'damaged') this.#damaged(event)
    else this.#finished(event.result)
  }

  /** Ends the bar. */
  close(): void {
    this.#bar?.stop()
  }

  #retried({ node, attempt, failure }: Extract<RunEvent, { kind: 'retried' }>): void {
    this.#above(() => this.#terminal.warn(`${node} failed and is tried again (${attempt}): ${failure.message}`))
  }

  #damaged({ node, path }: Extract<RunEvent, { kind: 'damaged' }>): void {
    this.#above(() => this.#terminal.warn(`${node} is executed again: its stored output ${path} is damaged.`))
  }

  #finished(result: NodeResult): void {
    if (this.#terminal.options.json) this.#terminal.record(nodeRecord(result))
    if (result.status === 'cached' && result.checkedNow !== true && result.written === undefined) return
    this.#bar?.finished(result.node, result.rows)
    const line = nodeLine(result, this.#width)
    if (line !== null) this.#above(() => this.#terminal.line(line))
    if (result.status === 'executed' && this.#late.has(result.node)) this.#inexact(result)
  }

  /** Says of which values the output keeps less, as the compiler does of types that it knows. */
  #inexact({ node, snapshot }: NodeResult): void {
    for (const { name, type } of snapshot?.columns ?? []) {
      const part = inexactPart(type)
      if (part === null) continue
      const { kept, hint } = KEPT[part]
      this.#above(() => {
        this.#terminal.warn(`The column '${name}' of ${node} has the type ${type}: of each ${part} it keeps ${kept}.`)
        this.#terminal.hint(hint)
      })
    }
  }

  /** Prints a line above the bar. */
  #above(print: () => void): void {
    this.#bar?.hide()
    print()
    this.#bar?.show()
  }
}

const nodeRecord = ({ node, status, rows, ms, reason, checks, written, failure }: NodeResult) => ({
  node,
  status,
  rows,
  ms: Math.round(ms),
  ...(reason === '' ? {} : { reason }),
  ...(checks === undefined ? {} : { checks }),
  ...(written === undefined ? {} : { written }),
  ...(failure === undefined ? {} : { error: { code: failure.code, message: failure.message, facts: failure.facts } }),
})

function nodeLine(result: NodeResult, width: number): Text | null {
  const { node, status, rows, ms, checks, checkedNow, written } = result
  const name = node.padEnd(width)
  const count = rows === null ? '' : rowCount(rows)
  const went = written === undefined ? '' : `  → ${written.map(oneLine).join(', ')}`
  const checked = `${checks === undefined ? '' : `  ${checkCount(checks)}`}${went}`
  switch (status) {
    case 'executed':
      return ['  ', { style: 'green', text: '✓' }, ` ${name}  ${count}  ${duration(ms)}${checked}`]
    case 'reused':
      return ['  ', { style: 'green', text: '✓' }, ` ${name}  ${count}  reused${checked}`]
    case 'failed':
      return ['  ', { style: 'red', text: '✗' }, ` ${name}  failed${checked}`]
    case 'skipped':
      return ['  ', { style: 'yellow', text: '–' }, ` ${name}  skipped`]
    case 'cached':
      if (checkedNow !== true && written === undefined) return null
      return [
        '  ',
        { style: 'green', text: '✓' },
        ` ${name}  ${count}  ${checkedNow === true ? 'checked' : 'unchanged'}${checked}`,
      ]
  }
}

/** Says how a run ended; gives the exit code. `again` is the command that goes on with it. */
export async function sayEnd(
  terminal: Terminal,
  result: RunResult,
  again: string,
  explain: Explain = async () => null,
): Promise<number> {
  if (terminal.options.json) terminal.record({ summary: summaryOf(result) })
  if (result.outcome === 'failed' || result.outcome === 'interrupted') await sayFailed(terminal, result, again, explain)
  else if (result.outcome === 'done') terminal.success(doneLine(result))
  for (const line of warnedChecks(result)) terminal.warn(line)
  if (result.stillDue.length > 0)
    terminal.warn(`Left out by the selection and still due: ${result.stillDue.join(', ')}`)
  return result.outcome === 'failed' ? 1 : result.outcome === 'interrupted' ? 130 : 0
}

/** What --json ends with. */
export function summaryOf(result: RunResult) {
  const checked = checkSummary(result.nodes)
  return {
    outcome: result.outcome,
    run_id: result.runId,
    environment: result.environment,
    generation: result.generation,
    counts: result.counts,
    ...(checked === undefined ? {} : { checks: checked }),
    removed: result.removed,
    still_due: result.stillDue,
    ms: Math.round(result.durationMs),
  }
}

function doneLine(result: RunResult): string {
  const { executed, reused, cached } = result.counts
  const parts = [
    executed > 0 ? `${executed} executed` : '',
    reused > 0 ? `${reused} reused` : '',
    cached > 0 ? `${cached} unchanged` : '',
    result.removed.length > 0 ? `${result.removed.length} removed` : '',
  ]
  const what = parts.filter((part) => part !== '').join(', ') || 'Nothing to execute'
  const where =
    result.environment === null
      ? result.generation === null
        ? ''
        : `; production is generation ${result.generation}`
      : `; environment '${result.environment}' is up to date`
  return `${what} in ${duration(result.durationMs)}${where}`
}

async function sayFailed(terminal: Terminal, result: RunResult, again: string, explain: Explain): Promise<void> {
  const by = (status: NodeResult['status']) => result.nodes.filter((node) => node.status === status)
  const succeeded = result.nodes.filter((node) => node.status === 'executed' || node.status === 'reused')
  for (const node of by('failed')) {
    const explained = await explain(node)
    if (explained !== null) for (const line of explained) terminal.problem(line)
    else sayNodeFailure(terminal, node)
  }
  const skipped = by('skipped')
  if (succeeded.length > 0) terminal.problem(`  succeeded: ${succeeded.map((node) => node.node).join(', ')}`)
  for (const node of by('failed')) terminal.problem(`  failed:    ${node.node}`)
  for (const node of skipped)
    terminal.problem(`  skipped:   ${node.node}${node.reason === '' ? '' : ` (${node.reason})`}`)
  const why = result.outcome === 'interrupted' ? 'Interrupted' : `${counted(by('failed').length, 'node')} failed`
  const kept = succeeded.length > 0 ? '; what succeeded is kept' : ''
  const unchanged =
    result.environment === null ? 'production is as it was' : `environment '${result.environment}' is not complete`
  terminal.error(`${why}: ${unchanged}${kept}.`)
  const written = result.nodes.flatMap((node) => node.written ?? [])
  if (written.length > 0) terminal.hint(`Written to other databases all the same: ${written.map(oneLine).join(', ')}.`)
  terminal.hint(`Go on with \`${again}\`.`)
}

function sayNodeFailure(terminal: Terminal, result: NodeResult): void {
  const failure: RuntimeFailure = result.failure ?? new Failure('STEP_FAILED', result.reason)
  const { file, offset } = failure.facts
  const where =
    typeof file === 'string' ? ` (${file}${typeof offset === 'number' ? `, at character ${offset + 1}` : ''})` : ''
  terminal.error(`${result.node}${where}: ${failure.message}`)
  for (const hint of failure.hints) terminal.hint(hint)
}
