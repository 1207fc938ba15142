// `seeknal env promote <env> <other>`: an applied environment becomes another one, in one step.

import type { EnvironmentName } from '../contract/ids.ts'
import type { EnvironmentPromotion } from '../promote/to-environment.ts'
import type { SharedState } from '../shared-state.ts'
import { confirmed } from './ask.ts'
import type { Surroundings } from './command.ts'
import { reportPromotion } from './environment-report.ts'
import { resolveProfile } from './profile.ts'
import { executionRoot } from './project-root.ts'
import type { PromoteRequest } from './promote.ts'
import { sayOutputs, sayUnmet } from './staged-switch.ts'
import type { Terminal } from './terminal.ts'

export async function promoteToOther(
  from: EnvironmentName,
  to: EnvironmentName,
  request: PromoteRequest,
  surroundings: Surroundings,
  shared: SharedState | null,
): Promise<number> {
  const { terminal } = surroundings
  const { force, lockTimeoutMs } = request
  const projectDir = executionRoot(surroundings)
  const profile = resolveProfile(request.profile, to, projectDir, surroundings)
  const { promoteToEnvironment } = await import('../promote/to-environment.ts')
  const options = {
    ...{ projectDir, from, to, profile, force },
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
    ...(shared === null ? {} : { shared }),
  }
  const describe = () => promoteToEnvironment({ ...options, dryRun: true })
  if (request.dryRun) {
    const planned = await describe()
    if (terminal.options.json) terminal.document(planned)
    sayPromotion(terminal, planned)
    sayUnmet(terminal, planned.unmet)
    if (!force && planned.lost.length > 0)
      terminal.warn(
        `It would be refused: '${to}' has changes that '${from}' does not have: ${planned.lost.join(', ')}.`,
      )
    return 0
  }
  const ask = terminal.options.interactive && !request.yes
  if (ask) sayPromotion(terminal, await describe())
  if (!(await confirmed(`Promote '${from}' to environment '${to}'?`, !ask, surroundings))) {
    terminal.info('Nothing was changed.')
    return 0
  }
  const result = await promoteToEnvironment(options)
  await reportPromotion(projectDir, from, result, { terminal, shared })
  if (terminal.options.json) terminal.document(result)
  else if (!ask) sayPromotion(terminal, result)
  terminal.success(
    result.staged.updates.create === null
      ? `Environment '${to}' has all of '${from}' already.`
      : `Environment '${to}' is what '${from}' is now; make it production with \`seeknal env promote ${to}\`.`,
  )
  return 0
}

function sayPromotion(terminal: Terminal, promotion: EnvironmentPromotion): void {
  const { environment, committed, lost } = promotion
  const { create } = promotion.staged.updates
  if (create === null) return
  terminal.info(`Environment '${environment}' ${committed ? 'has' : 'would have'} a new plan, and outputs:`)
  sayOutputs(terminal, promotion)
  for (const node of lost)
    terminal.warn(`'${environment}' ${committed ? 'lost' : 'would lose'} its own change of ${node}.`)
}
