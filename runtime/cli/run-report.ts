// What a run says while it goes on and when it has ended: lines for people, a bar on a terminal, JSON lines with --json.

import type { RuntimeFailure } from '../contract/failures.ts'
import type { Manifest } from '../contract/manifest.ts'
import { inexactPart, KEPT } from '../contract/stored-columns.ts'
import type { NodeResult, RunEvent, RunResult } from '../execute/run.ts'
import { checkCount, checkSummary, warnedChecks } from './check-lines.ts'
import { type FailureSummary, placeInBundle } from './failure-summary.ts'
import type { ProgressBar } from './progress-bar.ts'
import type { Terminal } from './terminal.ts'
import { duration, oneLine, rowCount, type Text } from './text.ts'

export class RunReport {
  readonly #terminal: Terminal
  readonly #bar: ProgressBar | null
  /** Nodes of which no compiler could say which types they have. */
  readonly #late: ReadonlySet<string>
  #width = 0

  private constructor(terminal: Terminal, { nodes }: Pick<Manifest, 'nodes'>, bar: ProgressBar | null) {
    this.#terminal = terminal
    this.#late = new Set(nodes.flatMap((node) => (node.columns === null ? [node.id] : [])))
    this.#bar = bar
  }

  /** What draws the bar is loaded only where there is one: it tells the width of every emoji. */
  static async of(terminal: Terminal, manifest: Pick<Manifest, 'nodes'>): Promise<RunReport> {
    const drawn = terminal.options.interactive && !terminal.options.quiet && process.stderr.isTTY === true
    const bar = drawn ? new (await import('./progress-bar.ts')).ProgressBar() : null
    return new RunReport(terminal, manifest, bar)
  }

  readonly onEvent = (event: RunEvent): void => {
    if (event.kind === 'planned') {
      this.#width = Math.max(0, ...event.due.map((node) => node.length))
      this.#bar?.start(event.due.length)
    } else if (event.kind === 'started') this.#bar?.running(event.node)
    else if (event.kind === 'writing') this.#bar?.running(event.node)
    else if (event.kind === 'retried') this.#retried(event)
    else if (event.kind === 'damaged') this.#damaged(event)
    else if (event.kind === 'differs') this.#differs(event)
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

  #differs({ node, isTaken }: Extract<RunEvent, { kind: 'differs' }>): void {
    this.#above(() => {
      this.#terminal.warn(`${node} was made again, since its output is not on this machine, and has other rows now.`)
      const taken = isTaken ? 'They take the place of the others. ' : ''
      this.#terminal.hint(`${taken}Machines that share target/snapshots make an output once.`)
    })
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

/** Says how a run ended; gives the exit code. */
export function sayEnd(terminal: Terminal, result: RunResult, failed: FailureSummary | null): number {
  if (terminal.options.json) terminal.record({ summary: summaryOf(result) })
  if (failed !== null) sayFailed(terminal, failed)
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

function sayFailed(terminal: Terminal, summary: FailureSummary): void {
  const { failed, skipped, succeeded, written } = summary
  for (const { node, failure, explained } of failed) {
    if (explained !== null) for (const line of explained.lines) terminal.problem(line)
    else sayNodeFailure(terminal, node, failure)
  }
  if (succeeded.length > 0) terminal.problem(`  succeeded: ${succeeded.join(', ')}`)
  for (const { node } of failed) terminal.problem(`  failed:    ${node}`)
  for (const { node, reason } of skipped) terminal.problem(`  skipped:   ${node}${reason === '' ? '' : ` (${reason})`}`)
  terminal.error(summary.headline)
  if (written.length > 0) terminal.hint(`Written to other databases all the same: ${written.map(oneLine).join(', ')}.`)
  terminal.hint(`Go on with \`${summary.again}\`.`)
}

function sayNodeFailure(terminal: Terminal, node: string, failure: RuntimeFailure): void {
  const place = placeInBundle(failure)
  terminal.error(`${node}${place === '' ? '' : ` (${place})`}: ${failure.message}`)
  for (const hint of failure.hints) terminal.hint(hint)
}
