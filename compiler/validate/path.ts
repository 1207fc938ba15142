// Paths that YAML names stay inside the project. Quotes, spaces and globs are fine: paths become literals, never text of a command.

import type { Diagnostic, Place } from '../../runtime/contract/diagnostics.ts'
import { privateFile } from '../../runtime/contract/source-paths.ts'
import { type DiagnosticCode, errorAt } from '../diagnostic-codes.ts'

/** What is wrong with a path that should be relative to the project, or undefined. */
export function pathProblem(
  path: string,
  place: Place,
  code: DiagnosticCode = 'VALIDATE_PATH',
  example = 'data/orders.csv or data/*.csv',
): Diagnostic | undefined {
  const problem = reason(path)
  if (problem === undefined) return undefined
  return errorAt(code, place, `The path '${path}' ${problem}.`, {
    facts: { path },
    hints: [`Write a path relative to the project, such as ${example}.`],
  })
}

/** The same for the path or glob of a source, which names data and nothing that is the project's or Seeknal's own. */
export function sourcePathProblem(path: string, place: Place, code?: DiagnosticCode): Diagnostic | undefined {
  const found = privateFile(path)
  const problem = pathProblem(path, place, code)
  if (problem !== undefined || found === undefined) return problem
  return errorAt(code ?? 'VALIDATE_PATH', place, `The path '${path}' names '${found.name}', which ${found.why}.`, {
    facts: { path, name: found.name },
    hints: ['Keep data in a folder of its own and name that, such as data/orders.csv or data/*.csv.'],
  })
}

function reason(path: string): string | undefined {
  if (path.trim() === '') return 'is empty'
  if (path.includes('\0') || path.includes('\n')) return 'holds a character that no path may hold'
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(path)) return 'is a URL; only files of the project can be read'
  if (/^([/\\~]|[A-Za-z]:[\\/])/.test(path)) return 'is absolute; only files of the project can be read'
  if (path.split(/[\\/]/).includes('..')) return 'leaves the project'
  return undefined
}
