// A run that failed or was interrupted, summed up once: the terminal and report.md of an environment say the same.

import type { Place } from '../contract/diagnostics.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { NodeId } from '../contract/ids.ts'
import type { NodeResult, NodeStatus, RunResult } from '../execute/run.ts'
import { counted, type Text } from './text.ts'

/** A failed node shown in the author's file. */
export interface Explained {
  readonly lines: readonly Text[]
  readonly place: Place
}

/** Explains a failed node better than its failure alone; null: it cannot be told where it is. */
export type Explain = (result: NodeResult) => Promise<Explained | null>

export interface FailureSummary {
  /** One sentence: what ended it, and what is as it was. */
  readonly headline: string
  readonly succeeded: readonly NodeId[]
  readonly failed: readonly {
    readonly node: NodeId
    readonly failure: RuntimeFailure
    readonly explained: Explained | null
  }[]
  readonly skipped: readonly { readonly node: NodeId; readonly reason: string }[]
  /** Tables of other databases that were written all the same. */
  readonly written: readonly string[]
  /** The command that goes on. */
  readonly again: string
}

/** Null for a run that ended well. */
export async function failureSummary(
  result: RunResult,
  again: string,
  explain: Explain = async () => null,
): Promise<FailureSummary | null> {
  if (result.outcome !== 'failed' && result.outcome !== 'interrupted') return null
  const by = (...wanted: NodeStatus[]) => result.nodes.filter(({ status }) => wanted.includes(status))
  const failed: FailureSummary['failed'][number][] = []
  for (const node of by('failed')) {
    const failure = node.failure ?? new RuntimeFailure('STEP_FAILED', node.reason)
    failed.push({ node: node.node, failure, explained: await explain(node) })
  }
  const succeeded = by('executed', 'reused').map(({ node }) => node)
  return {
    headline: headline(result, failed.length, succeeded.length),
    succeeded,
    failed,
    skipped: by('skipped').map(({ node, reason }) => ({ node, reason })),
    written: result.nodes.flatMap((node) => node.written ?? []),
    again,
  }
}

function headline({ outcome, environment }: RunResult, failed: number, succeeded: number): string {
  const why = outcome === 'interrupted' ? 'Interrupted' : `${counted(failed, 'node')} failed`
  const unchanged = environment === null ? 'production is as it was' : `environment '${environment}' is not complete`
  return `${why}: ${unchanged}${succeeded > 0 ? '; what succeeded is kept' : ''}.`
}

/** Where a failure is, without the project's YAML: the file of the bundle, and the place in it. */
export function placeInBundle({ facts: { file, offset } }: RuntimeFailure): string {
  if (typeof file !== 'string') return ''
  return typeof offset === 'number' ? `${file}, at character ${offset + 1}` : file
}
