// Placeholders of the run in PostgreSQL's SQL → variables of psql, `:'run_date'`: the runtime puts a literal in their place,
// and psql does by hand. A text that holds placeholders becomes one variable, so that it stays the literal that it was. For
// the parser and for a look at the columns, literals of the same form stand in. Pure.

import { fillParameters } from '../../runtime/contract/parameters.ts'
import { pgText } from '../../runtime/contract/postgresql-names.ts'
import { lex, type Range, type Token } from './lexer.ts'
import { parsePlaceholder, type RunParameter, runParameter, spellParameter, variableOf } from './parameters.ts'
import type { Edit } from './spliced-text.ts'

export interface ValueEdits {
  /** Variables of psql. */
  readonly marks: readonly Edit[]
  /** Literals, at the same places. */
  readonly standIns: readonly Edit[]
  /** What each variable stands for: text with placeholders, by its name. */
  readonly values: Readonly<Record<string, string>>
  /** Names of the run's parameters. */
  readonly parameters: readonly string[]
  /** Where no value can stand. */
  readonly wrong: readonly Range[]
}

export function postgresqlValues(text: string): ValueEdits {
  const marks: Edit[] = []
  const standIns: Edit[] = []
  const wrong: Range[] = []
  const values: Record<string, string> = {}
  const parameters = new Set<string>()
  for (const token of text.includes('{{') ? lex(text) : []) {
    const ranges = token.kind === 'placeholder' ? [token] : token.placeholders
    const found = ranges.flatMap((range) => parameterAt(text, range) ?? [])
    if (token.kind === 'comment' || found.length === 0) continue
    const template = templateOf(token, text)
    if (template === null) {
      wrong.push(...ranges)
      continue
    }
    for (const parameter of found) parameters.add(variableOf(parameter))
    const [only, other] = found
    const name = only !== undefined && other === undefined && isWhole(template) ? nameOf(only) : 'text'
    const range = { start: token.start, end: token.end }
    marks.push({ ...range, replacement: `:'${named(values, name, template)}'` })
    standIns.push({ ...range, replacement: pgText(fillParameters(template, standInValues(found))) })
  }
  return { marks, standIns, values, parameters: [...parameters].sort(), wrong }
}

function parameterAt(text: string, { start, end }: Range): RunParameter | undefined {
  const placeholder = parsePlaceholder(text.slice(start, end))
  const parameter = placeholder === undefined ? undefined : runParameter(placeholder)
  return typeof parameter === 'string' ? undefined : parameter
}

/** The text that a literal is, with its placeholders; null: names and escapes cannot wait for a value. */
function templateOf(token: Token, text: string): string | null {
  const spelled = text.slice(token.start, token.end)
  if (token.kind === 'placeholder') return spelled
  if (token.kind !== 'string') return null
  const dollar = /^\$\w*\$/.exec(spelled)?.[0]
  if (dollar !== undefined) return spelled.slice(dollar.length, -dollar.length)
  return spelled.startsWith("'") ? spelled.slice(1, -1).replace(/''/g, "'") : null
}

const isWhole = (template: string): boolean => /^\{\{[^{}]*\}\}$/.test(template)

function nameOf(parameter: RunParameter): string {
  if (parameter.kind === 'variable') return parameter.name
  if (parameter.kind === 'environment') return `env_${parameter.name}`
  const moved = parameter.offset < 0 ? `minus_${-parameter.offset}` : `plus_${parameter.offset}`
  return `${parameter.unit === 'day' ? 'today' : `${parameter.unit}_start`}_${moved}`
}

/** A name of its own for each template. */
function named(values: Record<string, string>, wanted: string, template: string): string {
  const spelled = template.replace(/\{\{[^{}]*\}\}/g, (written) => {
    const parameter = parameterAt(written, { start: 0, end: written.length })
    return parameter === undefined ? written : spellParameter(parameter)
  })
  for (let i = 1; ; i += 1) {
    const name = i === 1 ? wanted : `${wanted}_${i}`
    if (values[name] !== undefined && values[name] !== spelled) continue
    values[name] = spelled
    return name
  }
}

const standInValues = (found: readonly RunParameter[]): Record<string, string> => ({
  run_date: '2000-01-01',
  ...Object.fromEntries(
    found.map((parameter) => [variableOf(parameter), parameter.kind === 'environment' ? '' : '2000-01-01']),
  ),
})
