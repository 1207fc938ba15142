// Rows → table, CSV, JSON or Markdown. CSV (RFC 4180) and JSON lose nothing and carry no decoration; the other two are
// for people: control characters are shown as escapes there, and a plan that EXPLAIN answers with keeps its lines. NULL is
// empty in CSV, null in JSON. Pure.

import stringWidth from 'string-width'
import { escaped, oneLine } from '../cli/text.ts'
import type { QueryAnswer, QueryStream } from '../query.ts'

export const FORMATS = ['table', 'csv', 'json', 'markdown'] as const
export type Format = (typeof FORMATS)[number]

/** The text of an answer, with a final newline. */
export function formatted(answer: QueryAnswer, format: Format, options: { readonly widest?: number } = {}): string {
  switch (format) {
    case 'table':
      if (isPlan(answer)) return planTexts(answer).join('\n')
      return tableText(answer, options.widest ?? Number.POSITIVE_INFINITY)
    case 'csv':
      return csvText(answer)
    case 'json':
      return jsonText(answer)
    case 'markdown':
      return isPlan(answer) ? planTexts(answer).map(fenced).join('\n') : markdownText(answer)
  }
}

const csvField = (text: string): string => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** An empty text is `""`, to be told from NULL. */
const csvLine = (cells: readonly (string | null)[]): string =>
  `${cells.map((cell) => (cell === null ? '' : cell === '' ? '""' : csvField(cell))).join(',')}\n`

function csvText({ columns, rows }: QueryAnswer): string {
  return [columns.map((c) => c.name), ...rows].map(csvLine).join('')
}

const jsonObject = (names: readonly string[], row: readonly unknown[]): string =>
  `{${names.map((name, i) => `${JSON.stringify(name)}: ${JSON.stringify(row[i] ?? null)}`).join(', ')}}`

/** An array of objects, one a line. Columns of the same name get `_1`, `_2`… */
function jsonText({ columns, json }: QueryAnswer): string {
  const names = distinct(columns.map((c) => c.name))
  return json.length === 0 ? '[]\n' : `[\n${json.map((row) => jsonObject(names, row)).join(',\n')}\n]\n`
}

/** The same texts as `formatted` gives, written while the rows are read. */
export async function streamed(
  { columns, chunks }: QueryStream,
  format: 'csv' | 'json',
  write: (text: string) => void,
): Promise<void> {
  if (format === 'csv') {
    write(csvLine(columns.map((c) => c.name)))
    for await (const chunk of chunks) write(chunk.text().map(csvLine).join(''))
    return
  }
  const names = distinct(columns.map((c) => c.name))
  let before = '[\n'
  for await (const chunk of chunks) {
    const objects = chunk.json().map((row) => jsonObject(names, row))
    if (objects.length > 0) write(before + objects.join(',\n'))
    if (objects.length > 0) before = ',\n'
  }
  write(before === '[\n' ? '[]\n' : '\n]\n')
}

function distinct(names: readonly string[]): readonly string[] {
  const taken = new Set<string>()
  return names.map((name) => {
    let unique = name
    for (let i = 1; taken.has(unique); i++) unique = `${name}_${i}`
    taken.add(unique)
    return unique
  })
}

/** What EXPLAIN answers with: a drawing of several lines in one cell. */
const isPlan = ({ columns }: QueryAnswer): boolean =>
  columns.length === 2 && columns[0]?.name === 'explain_key' && columns[1]?.name === 'explain_value'

/** The drawings whole, each with a final newline; with their names where there are several. */
const planTexts = ({ rows }: QueryAnswer): readonly string[] =>
  rows.map(([key, value]) => {
    const text = escaped(value ?? '').replace(/\n*$/, '\n')
    return rows.length === 1 ? text : `${oneLine(key ?? '')}:\n${text}`
  })

function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}text\n${text}${fence}\n`
}

const inCell = (text: string | null): string => (text === null ? 'NULL' : oneLine(text))

function tableText({ columns, rows, truncated }: QueryAnswer, widest: number): string {
  const clipped = (text: string) => (text.length > widest ? `${text.slice(0, widest - 1)}…` : text)
  const header = columns.map((c) => clipped(oneLine(c.name)))
  const body = rows.map((row) => row.map((cell) => clipped(inCell(cell))))
  const right = columns.map((c) => c.numeric)
  const count = `(${rows.length} ${rows.length === 1 ? 'row' : 'rows'}${truncated ? ', there are more' : ''})`
  return `${aligned(header, body, right, { between: ' │ ', rule: '─', cross: '─┼─' })}${count}\n`
}

function markdownText({ columns, rows }: QueryAnswer): string {
  const cell = (text: string | null) =>
    text === null ? '' : escaped(text).replaceAll('|', '\\|').replaceAll('\n', '<br>')
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  const rule = columns.map((c) => (c.numeric ? '---:' : '---'))
  return [line(columns.map((c) => cell(c.name))), line(rule), ...rows.map((row) => line(row.map(cell)))].join('')
}

interface Lines {
  readonly between: string
  readonly rule: string
  readonly cross: string
}

function aligned(
  header: readonly string[],
  body: readonly (readonly string[])[],
  right: readonly boolean[],
  lines: Lines,
): string {
  const widths = header.map((name, i) =>
    Math.max(stringWidth(name), ...body.slice(0, MEASURED).map((row) => stringWidth(row[i] ?? ''))),
  )
  const padded = (text: string, i: number) => {
    const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - stringWidth(text)))
    return right[i] ? space + text : text + space
  }
  const line = (cells: readonly string[]) => ` ${cells.map(padded).join(lines.between)}`.trimEnd()
  const rule = widths.map((width) => lines.rule.repeat(width)).join(lines.cross)
  return `${[line(header), `${lines.rule}${rule}${lines.rule}`, ...body.map(line)].join('\n')}\n`
}

/** Rows whose width counts: measuring a million cells costs more than printing them. */
const MEASURED = 10_000
