// What executing a bundle would do, in words: one line a node that is due, with why.

import type { DueNode, ExecutionPlan } from '../execute/run.ts'
import { alignedLines } from './table.ts'
import type { Terminal } from './terminal.ts'
import { counted, oneLine } from './text.ts'

const WORDS: Readonly<Record<DueNode['status'], string>> = {
  execute: 'execute',
  maybe: 'may execute',
  reuse: 'take from the store',
  check: 'check',
  write: 'write',
  cached: 'nothing to do',
  blocked: 'cannot run',
  left_out: 'left out',
}

/** With --json, the plan as a document. Gives the exit code: 1 when executing it would fail. */
export function sayDueNodes(terminal: Terminal, plan: ExecutionPlan): number {
  if (terminal.options.json) terminal.document(plan)
  if (plan.nothing) terminal.success('No changes detected.')
  else for (const line of dueLines(plan)) terminal.line(line)
  return sayBlocked(terminal, plan)
}

/** Says which nodes cannot run, fail their checks or lack a connection here, and gives the exit code that follows from it. */
export function sayBlocked(terminal: Terminal, plan: ExecutionPlan): number {
  for (const problem of plan.unconnected) terminal.warn(problem)
  const failing = plan.nodes.filter((node) => node.fails)
  const unfit = failing.filter((node) => node.status !== 'blocked').map(({ node }) => node)
  const blocked = failing.length - unfit.length
  if (blocked > 0) terminal.error(`${counted(blocked, 'node')} cannot run: executing this would fail.`)
  if (unfit.length > 0)
    terminal.error(
      `${counted(unfit.length, 'output')} failed a check (${unfit.join(', ')}): executing this would fail by it again.`,
    )
  return failing.length > 0 ? 1 : 0
}

/** Also says how many nodes execute. */
export function dueLines(plan: ExecutionPlan): readonly string[] {
  const shown = plan.nodes.filter((node) => node.status !== 'cached' && node.status !== 'left_out')
  const rows = shown.flatMap((node) => [
    [node.node, WORDS[node.status], node.reason],
    ...(node.checks.length === 0 || node.fails ? [] : [['', 'checks', node.checks.map(oneLine).join(', ')]]),
    ...(node.targets.length === 0 || node.fails ? [] : [['', 'writes', node.targets.map(oneLine).join(', ')]]),
  ])
  const table =
    shown.length === 0 ? [] : [...alignedLines(['node', 'what', 'why'], rows).map((line) => `  ${line}`), '']
  const count = (status: DueNode['status']) => plan.nodes.filter((node) => node.status === status).length
  const maybe = count('maybe')
  return [
    ...table,
    ...(plan.metadataOnly ? ['  Nothing to execute; only descriptions, formatting or removed checks changed.'] : []),
    `  Total nodes to execute: ${count('execute')}${maybe > 0 ? `, and perhaps ${maybe} more` : ''}`,
    ...(count('reuse') > 0 ? [`  From the store: ${counted(count('reuse'), 'node')}`] : []),
    ...(count('check') > 0 ? [`  To check only: ${counted(count('check'), 'node')}`] : []),
    ...(count('write') > 0 ? [`  To write to other databases only: ${counted(count('write'), 'node')}`] : []),
    ...(plan.removed.length > 0 ? [`  Removed from production: ${plan.removed.join(', ')}`] : []),
  ]
}
