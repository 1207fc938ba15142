// What `run` would do, in words; with --json, the plan as a document.

import { dueLines, sayBlocked } from '../../runtime/cli/due-nodes.ts'
import type { Terminal } from '../../runtime/cli/terminal.ts'
import type { Diff } from '../../runtime/contract/diff.ts'
import type { ExecutionPlan } from '../../runtime/execute/run.ts'
import { names } from './changes.ts'

/** Says what is due. Gives whether anything is, and whether it would fail. */
export function sayExecutionPlan(
  terminal: Terminal,
  plan: ExecutionPlan,
  diff: Diff,
): { readonly something: boolean; readonly fails: boolean } {
  if (terminal.options.json) terminal.document(planDocument(plan, diff))
  if (plan.nothing) terminal.success('No changes detected.')
  else for (const line of dueLines(plan)) terminal.line(line)
  const leftOut = plan.nodes.filter((node) => node.status === 'left_out' && node.due)
  if (leftOut.length > 0)
    terminal.warn(`Left out by the selection and still due: ${names(leftOut.map((node) => node.node))}`)
  return { something: !plan.nothing, fails: sayBlocked(terminal, plan) !== 0 }
}

/** plan.json of production: the fields that scripts know, and what is due. */
function planDocument(plan: ExecutionPlan, diff: Diff): Readonly<Record<string, unknown>> {
  const execute = plan.nodes.filter((node) => node.status === 'execute')
  const modified = diff.changes.filter((change) => change.change === 'modified')
  return {
    env_name: null,
    categorized_changes: Object.fromEntries(modified.map((change) => [change.node, change.category])),
    added_nodes: diff.changes.filter((change) => change.change === 'added').map((change) => change.node),
    removed_nodes: plan.removed,
    total_nodes_to_execute: execute.length,
    execute: execute.map((node) => node.node),
    unconnected: plan.unconnected,
    check: plan.nodes.filter((node) => node.status === 'check').map((node) => node.node),
    reasons: Object.fromEntries(plan.nodes.filter((n) => n.reason !== '').map((n) => [n.node, [n.reason]])),
    nodes: plan.nodes,
    changes: diff.changes,
  }
}
