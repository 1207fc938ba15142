// A source's path and options with everything put in that is known now. Only the path may wait for values of the run.

import type { Diagnostic } from '../../runtime/contract/diagnostics.ts'
import { type DiagnosticCode, errorAt } from '../diagnostic-codes.ts'
import type { Json } from '../load.ts'
import type { ResolvedSource } from '../resolve.ts'
import { parsePlaceholder, type RunParameter, runParameter, variableOf } from '../sql/parameters.ts'
import { placeAt } from '../sql/placed-text.ts'
import { sourcePathProblem } from '../validate/path.ts'
import { hasPlaceholder, placeOf } from '../validate/read-schema.ts'
import { readerOptions } from '../validate/source.ts'
import type { FileSourceNode } from '../validate.ts'
import type { Problem, Scope } from './scope.ts'

export function resolveSource(node: FileSourceNode, scope: Scope, report: (d: Diagnostic) => void): ResolvedSource {
  const path = resolvePath(node, scope, report)
  const parameters = [...path.matchAll(/\{\{[^{}]*\}\}/g)].flatMap(([written]) => runParameterOf(written) ?? [])
  return {
    id: node.id,
    node,
    inputs: [],
    path,
    options: resolveOptions(node, scope, report),
    parameters: [...new Set(parameters.map(variableOf))].sort(),
  }
}

export function runParameterOf(written: string): RunParameter | undefined {
  const placeholder = parsePlaceholder(written)
  const parameter = placeholder === undefined ? undefined : runParameter(placeholder)
  return typeof parameter === 'string' ? undefined : parameter
}

function resolvePath(node: FileSourceNode, scope: Scope, report: (d: Diagnostic) => void): string {
  const { text } = node.path
  if (!text.includes('{{')) return text
  const { text: path, problems } = scope.expand(text)
  const place = placeAt(node.path, text.indexOf('{{'), text.length)
  for (const problem of problems) report(placed(problem, place))
  const wrong = problems.length > 0 ? undefined : sourcePathProblem(path, place, 'RESOLVE_PATH')
  if (wrong !== undefined) report(wrong)
  return path
}

function resolveOptions(
  node: FileSourceNode,
  scope: Scope,
  report: (d: Diagnostic) => void,
): { readonly [key: string]: Json } {
  if (!hasPlaceholder(node.options)) return node.options
  const entries = Object.entries(node.options).map(([key, value]): [string, Json] => {
    if (!hasPlaceholder(value)) return [key, value]
    const place = placeOf(node.document, `/params/${key}`)
    let failed = false
    const resolved = scope.expandJson(value, (problem) => {
      failed = true
      report(placed(problem, place))
    })
    if (!failed && hasPlaceholder(resolved))
      report(
        errorAt('RESOLVE_PLACEHOLDER_NOT_ALLOWED', place, `The option '${key}' cannot wait for a value of the run.`, {
          facts: { option: key },
        }),
      )
    return [key, resolved]
  })
  // Values that were placeholders are checked now that they are known.
  return readerOptions(node.format, Object.fromEntries(entries), node.document, report) ?? {}
}

export const placed = (problem: Problem, place: Diagnostic['place']): Diagnostic =>
  errorAt(problem.code satisfies DiagnosticCode, place, problem.message, {
    facts: problem.facts,
    hints: problem.hints,
    notes: problem.notes,
  })
