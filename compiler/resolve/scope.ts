// What names in placeholders stand for. First match wins: --params, the node's params, the project's params, snippets,
// then what the run supplies. A text is never guessed into another type; values of params may hold placeholders
// themselves, and a name in its own value is that of the next match. Values that only a run knows stay as placeholders,
// in one spelling.

import { fingerprintOf } from '../../runtime/contract/canonical-json.ts'
import { type Diagnostic, nearest } from '../../runtime/contract/diagnostics.ts'
import type { DiagnosticCode } from '../diagnostic-codes.ts'
import { literal } from '../dialect/duckdb.ts'
import { escapePointer } from '../load/document.ts'
import { isMapping, type Json, type LoadedDocument } from '../load.ts'
import { BUILT_INS, parsePlaceholder, runParameter, spellParameter } from '../sql/parameters.ts'
import type { Validated, ValidNode } from '../validate.ts'

/** A mistake in a text that has no place yet. */
export interface Problem {
  readonly code: DiagnosticCode
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly hints: readonly string[]
  readonly notes: Diagnostic['notes']
}

export type Resolution =
  | { readonly kind: 'value'; readonly value: Json; readonly text: string }
  | { readonly kind: 'run'; readonly template: string }
  | { readonly kind: 'problem'; readonly problem: Problem }

interface Found {
  readonly value: Json
  /** As it is written, for what is no text. */
  readonly text: string
  /** Where it was found: the place in the order above. */
  readonly level: number
}

/** A name whose value is being put in. */
interface Open {
  readonly name: string
  readonly level: number
}

const problem = (
  code: DiagnosticCode,
  message: string,
  facts: Problem['facts'],
  hints: readonly string[] = [],
): Resolution => ({
  kind: 'problem',
  problem: { code, message, facts, hints, notes: [] },
})

function cycle(name: string, open: readonly Open[]): Resolution {
  const names = open.map((one) => one.name)
  const circle = [...names.slice(names.indexOf(name)), name].join(' → ')
  return problem('RESOLVE_PLACEHOLDER_CYCLE', `'${name}' stands for itself: ${circle}.`, { name })
}

/** Of a source of files they are options of its reader. */
const ownParams = (node: ValidNode | null): { readonly [key: string]: Json } | undefined =>
  node === null || (node.kind === 'source' && node.format !== 'postgresql') ? undefined : node.params

export class Scope {
  readonly #validated: Validated
  readonly #overrides: { readonly [key: string]: Json }
  readonly #node: ValidNode | null

  constructor(validated: Validated, overrides: { readonly [key: string]: Json }, node: ValidNode | null) {
    this.#validated = validated
    this.#overrides = overrides
    this.#node = node
  }

  /** Changes whenever something that a placeholder may stand for changes. */
  fingerprint(): string {
    const texts = (document: LoadedDocument | null | undefined) => [
      document?.value.params,
      document?.value.defaults,
      document?.sources,
    ]
    const { project, snippets } = this.#validated
    return fingerprintOf([
      this.#overrides,
      texts(this.#node?.document),
      texts(project.document),
      project.name,
      this.lookbackDays(),
      Object.entries(snippets).map(([name, s]) => [name, s.text]),
    ])
  }

  /** How much earlier the node's targets want `start_date`. */
  lookbackDays(): number {
    return Math.max(0, ...(this.#node?.targets ?? []).map(({ target }) => target.lookback_days ?? 0))
  }

  /** What a placeholder (with its braces) stands for. */
  resolve(written: string, open: readonly Open[] = []): Resolution {
    const placeholder = parsePlaceholder(written)
    if (placeholder === undefined)
      return problem(
        'RESOLVE_PLACEHOLDER_SYNTAX',
        `'${written}' is neither a name nor a function call.`,
        { placeholder: written },
        ['Write {{ name }}, {{ today(-1) }} or {{ env.NAME }}.'],
      )
    const found = placeholder.kind === 'name' ? this.#find(placeholder.name, open.at(-1)) : undefined
    if (found !== undefined) return this.#expandValue(placeholder.name, found, open)
    const run = runParameter(placeholder)
    if (typeof run === 'string') return problem('RESOLVE_PLACEHOLDER_ARGUMENTS', run, { placeholder: written })
    if (run !== undefined) return { kind: 'run', template: spellParameter(run) }
    return open.at(-1)?.name === placeholder.name
      ? cycle(placeholder.name, open)
      : this.#unknown(placeholder.name, placeholder.kind)
  }

  /** A text with everything put in that is known now; the rest are run parameters in one spelling. */
  expand(text: string, open: readonly Open[] = []): { readonly text: string; readonly problems: readonly Problem[] } {
    const problems: Problem[] = []
    const expanded = text.replaceAll(/\{\{[^{}]*\}\}/g, (written) => {
      const resolution = this.resolve(written, open)
      if (resolution.kind === 'problem') problems.push(resolution.problem)
      return resolution.kind === 'value'
        ? plainText(resolution)
        : resolution.kind === 'run'
          ? resolution.template
          : written
    })
    return { text: expanded, problems }
  }

  /** A JSON value with every text expanded; a text that is one placeholder takes its value with its type. */
  expandJson(value: Json, report: (p: Problem) => void): Json {
    if (typeof value === 'string') {
      const whole = /^\s*\{\{[^{}]*\}\}\s*$/.test(value) ? this.resolve(value.trim()) : undefined
      if (whole?.kind === 'value') return whole.value
      const { text, problems } = this.expand(value)
      problems.forEach(report)
      return text
    }
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return value.map((item: Json) => this.expandJson(item, report))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.expandJson(member, report)]))
  }

  /** In the value of `inside` its own name is looked up from the next level on. */
  #find(name: string, inside: Open | undefined): Found | undefined {
    const own = (
      values: { readonly [key: string]: Json } | undefined,
      document: LoadedDocument | null | undefined,
      pointer: string,
    ): Omit<Found, 'level'> | undefined => {
      const value = values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined
      if (value === undefined) return undefined
      return {
        value,
        text:
          document?.sources[`${pointer}/${escapePointer(name)}`] ??
          (typeof value === 'string' ? value : JSON.stringify(value)),
      }
    }
    const { project, snippets } = this.#validated
    const inProject = project.document?.value.params
    const ofProject = isMapping(inProject) && Object.hasOwn(inProject, name) ? '/params' : '/defaults/params'
    const snippet = Object.hasOwn(snippets, name) ? snippets[name] : undefined
    const levels = [
      own(this.#overrides, null, ''),
      own(ownParams(this.#node), this.#node?.document, '/params'),
      own(project.params, project.document, ofProject),
      snippet === undefined ? undefined : { value: snippet.text, text: snippet.text },
      name === 'project_id' ? { value: project.name, text: project.name } : undefined,
      // Paths are relative to the project, which is the workspace.
      name === 'workspace_path' ? { value: '.', text: '.' } : undefined,
    ]
    const from = inside?.name === name ? inside.level + 1 : 0
    const level = levels.findIndex((found, at) => at >= from && found !== undefined)
    const found = levels[level]
    return found === undefined ? undefined : { ...found, level }
  }

  #expandValue(name: string, { value, text: written, level }: Found, open: readonly Open[]): Resolution {
    if (open.some((one) => one.name === name && one.level === level)) return cycle(name, open)
    if (typeof value !== 'string') return { kind: 'value', value, text: written }
    const { text, problems } = this.expand(value, [...open, { name, level }])
    const first = problems[0]
    if (first === undefined) return { kind: 'value', value: text, text }
    const snippet = this.#validated.snippets[name]
    const notes =
      snippet === undefined ? first.notes : [...first.notes, { message: `In '${name}'.`, place: snippet.place }]
    return { kind: 'problem', problem: { ...first, notes } }
  }

  #unknown(name: string, kind: 'name' | 'call'): Resolution {
    const { project, snippets } = this.#validated
    const known = [
      ...Object.keys(this.#overrides),
      ...Object.keys(this.#node?.params ?? {}),
      ...Object.keys(project.params),
      ...Object.keys(snippets),
      ...BUILT_INS,
    ]
    const near = nearest(name, known)
    const hints =
      near === undefined
        ? ["Add it to 'params' of the node or of the project, or to seeknal/common."]
        : [`Did you mean '${near}'?`]
    return problem(
      'RESOLVE_PLACEHOLDER_NOT_FOUND',
      kind === 'call' ? `There is no function '${name}' for placeholders.` : `'{{ ${name} }}' stands for nothing.`,
      { name },
      hints,
    )
  }
}

/** A value inside other text. */
export const plainText = ({ value, text }: { readonly value: Json; readonly text: string }): string =>
  value === null ? '' : text

/** A value as a piece of SQL. */
export function sqlText({ value, text }: { readonly value: Json; readonly text: string }): string {
  return typeof value === 'string'
    ? value
    : value !== null && typeof value === 'object'
      ? literal(value, Number.POSITIVE_INFINITY)
      : value === null
        ? 'NULL'
        : text
}
