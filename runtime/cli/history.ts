// `seeknal history`: production's generations, newest first, and with --verify whether their chain holds.

import { damagedGenerations, history as generations, type HistoryProblem, verifyHistory } from '../history.ts'
import type { SharedState } from '../shared-state.ts'
import { command } from './command.ts'
import { PROFILE_ARG } from './profile.ts'
import { outputsRoot } from './project-root.ts'
import { withSharedState } from './shared.ts'
import { alignedRows } from './table.ts'
import { counted } from './text.ts'

export const history = command({
  about: `Lists what production was: every generation that is kept, what made it and which outputs it changed. With --verify,
checks the chain: each generation's files, the bundle that made it, and the generation before it. Exit code 1 when
something does not hold.`,
  examples: [
    ['seeknal history', 'list the generations'],
    ['seeknal history --verify', 'check them from end to end'],
  ],
  args: { verify: { type: 'boolean', description: 'Check digests of all files (reads every output)' }, ...PROFILE_ARG },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const root = outputsRoot(surroundings)
    const request = { root, environment: null, profile: args.profile }
    const { entries, problems } = await withSharedState(request, surroundings, async (shared) => ({
      entries: generations(root),
      problems: args.verify === true ? await problemsIn(root, shared, surroundings.signal) : null,
    }))
    if (terminal.options.json) terminal.document({ generations: entries, ...(problems === null ? {} : { problems }) })
    else {
      const rows = entries.map(({ record, isCurrent }) => [
        `${isCurrent ? '*' : ' '} ${record.generation}`,
        record.created_at.slice(0, 19).replace('T', ' '),
        record.environment === null ? record.kind : `${record.kind} ${record.environment}`,
        String(record.changed.length),
        String(record.removed.length),
        record.bundle.slice(0, 12),
      ])
      if (rows.length === 0) terminal.line('There is no production yet: `seeknal run`.')
      else
        for (const line of alignedRows(['generation', 'made at (UTC)', 'by', 'changed', 'removed', 'bundle'], rows, [
          'changed',
          'removed',
        ]))
          terminal.result(line)
    }
    for (const number of damagedGenerations(root))
      terminal.warn(`generation ${number}: generation.json is missing or damaged`)
    if (problems === null) return 0
    for (const { generation, problem } of problems) terminal.error(`generation ${generation}: ${problem}`)
    if (problems.length === 0) terminal.success(`${counted(entries.length, 'generation')} verified.`)
    return problems.length === 0 ? 0 : 1
  },
})

async function problemsIn(root: string, shared: SharedState | null, signal: AbortSignal): Promise<HistoryProblem[]> {
  if (shared?.inFiles === true) await shared.fetchBundles()
  if (shared === null || shared.inFiles) return verifyHistory(root)
  const { verifyLedger } = await import('../verify-ledger.ts')
  return verifyLedger(shared, signal)
}
