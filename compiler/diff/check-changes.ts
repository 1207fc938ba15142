// Two records of one node → what is checked now and was not, and the reverse. A check is no row: what changes here executes
// nothing, but the checks run on the output that is there. It is no metadata either, since a node may fail by it. Pure.

import type { Check } from '../../runtime/contract/checks.ts'
import type { Reason } from '../../runtime/contract/diff.ts'
import type { ManifestNode } from '../../runtime/contract/manifest.ts'
import { sameJson } from './pairs.ts'
import { reason } from './reasons.ts'

type Checked = Pick<ManifestNode, 'checks'>

export function checkReasons(node: Checked, base: Checked): Reason[] {
  const [before, now] = [byId(base), byId(node)]
  return [
    ...[...before.keys()].filter((id) => !now.has(id)).map((id) => reason('CHECK_REMOVED', `- check ${id}`)),
    ...[...now].flatMap(([id, check]) => {
      const was = before.get(id)
      if (was === undefined)
        return [reason('CHECK_ADDED', `+ check ${id}${check.severity === 'warn' ? ' (warn)' : ''}`)]
      return sameJson(was, check) ? [] : [reason('CHECK_CHANGED', `check ${id}: ${difference(was, check)}`)]
    }),
  ]
}

const byId = ({ checks }: Checked): ReadonlyMap<string, Check> =>
  new Map((checks ?? []).map((check) => [check.id, check]))

/** Of two checks with one id. */
function difference(was: Check, now: Check): string {
  const lost = (was.values ?? []).filter((value) => now.values?.includes(value) === false)
  const gained = (now.values ?? []).filter((value) => was.values?.includes(value) === false)
  return [
    ...(was.severity === now.severity ? [] : [`${was.severity} → ${now.severity}`]),
    ...gained.map((value) => `+ ${word(value)}`),
    ...lost.map((value) => `- ${word(value)}`),
  ].join(', ')
}

const word = (value: string | null): string => (value === null ? 'NULL' : `'${value}'`)
