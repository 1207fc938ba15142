// promote.sh and rollback.sh of an environment: the switch of runtime/promote.ts by hand, with POSIX tools only. They
// rename what applying staged below target/environments/<env>/promotion/, and one link; nothing is computed.

import promoteTemplate from '../../templates/duckdb/promote.sh.hbs'
import rollbackTemplate from '../../templates/duckdb/rollback.sh.hbs'
import switchTemplate from '../../templates/duckdb/switch.sh.hbs'
import type { Contract } from './contract.ts'
import { template } from './templates.ts'

const library = template<object>('duckdb/switch.sh.hbs', switchTemplate)
const promote = template<{
  readonly title: string
  readonly environment: string
  readonly base: string
  readonly library: string
}>('duckdb/promote.sh.hbs', promoteTemplate)
const rollback = template<{ readonly title: string; readonly library: string }>(
  'duckdb/rollback.sh.hbs',
  rollbackTemplate,
)

/** Path → text; none for production, which a run switches itself. */
export function scripts({ environment, project, base }: Contract): (readonly [string, string])[] {
  if (environment === null) return []
  const title = `${project.name} ${project.version}, environment ${environment}`.replace(/\s+/g, ' ')
  return [
    ['promote.sh', promote({ title, environment, base: base ?? 'none', library: library({}) })],
    ['rollback.sh', rollback({ title, library: library({}) })],
  ]
}
