// Names of passes for `--stop-after`; kept apart from compile.ts, which loads all of them.

import { Bug } from '../../runtime/contract/failures.ts'
import type { Pass } from '../compile.ts'

export const PASS_NAMES: Pass[] = [
  'load',
  'validate',
  'resolve',
  'graph',
  'bind',
  'fingerprint',
  'diff',
  'plan',
  'rewrite',
  'emit',
]

/** `text` has been checked against PASS_NAMES. */
export function passNamed(text: string): Pass {
  const pass = PASS_NAMES.find((name) => name === text)
  if (pass === undefined) throw new Bug(`'${text}' is no pass`)
  return pass
}
