// Texts for whoever reads YAML: documents as authors write them, and documents with something changed in them, mostly
// where YAML is easily misread.

import type { Random } from './random.ts'

const SCALARS = [
  'orders',
  'source.orders',
  '"quoted # text"',
  "'it: is'",
  "''",
  'DECIMAL(12, 2)',
  'a # comment',
  '12',
  '-3',
  '-0',
  '1.10',
  '012',
  '0x1F',
  '1e3',
  '.5',
  '1.0.0',
  '2024-01-01',
  '12:30',
  'true',
  'False',
  'null',
  '~',
  'yes',
  '[raw]',
  '[a, b-c, d.e]',
  '[ ]',
  '[1, null]',
  '[a, "b"]',
  '{a: b}',
  '{ref: source.a, tests: [unique, "a, b"], n: {}}',
  '[{ref: a}, {ref: b, ref: c}]',
  '[a,]',
  '{a, b: }',
  '[ "x",y , 2.50]',
  '&x y',
  '*x',
  '!!str 1',
  '- a',
  '? a',
  'a: b',
  'a:',
  'é – 😀',
  '@at',
  '"esc\\n"',
  '>-\n      folded\n      text',
  '|\n      SELECT 1\n\n        FROM x\n',
  '|-\n      a # no comment\n      b: c',
  '|+\n      a\n\n',
  '|2\n      a',
] as const
const KEYS = ['kind', 'name', 'inputs', 'sql', 'a-b', 'true', 'a b', '"q"', '1', '<<', '__proto__', 'x'] as const
const PIECES = [
  ' ',
  '  ',
  '\n',
  '\n\n',
  ':',
  ': ',
  '#',
  ' #',
  '# x\n',
  '-',
  '- ',
  '"',
  "'",
  '|',
  '>',
  '[',
  ']',
  '{',
  ',',
  '&a ',
  '*a',
  '!',
  '%',
  '\t',
  '\r',
  '...\n',
  '---\n',
  '0',
  'null',
  '\u00a0',
  '\u2028',
  '\ufeff',
  '?',
] as const

/** Block mappings and lists, most of them right. */
export function randomYaml(random: Random): string {
  const block = (indent: string, depth: number): string =>
    Array.from({ length: random.between(1, 4) }, () => `${indent}${entry(indent, depth)}`).join('')
  const scalar = (): string => (random.chance(0.2) ? random.pick(SCALARS) : (SCALARS[random.between(0, 9)] ?? ''))
  const entry = (indent: string, depth: number): string => {
    const key = random.chance(0.1) ? random.pick(KEYS) : `k${random.between(0, 40)}`
    const kind = depth > 3 ? 1 : random.next()
    const comment = random.chance(0.05) ? ' # why' : ''
    if (kind < 0.2) return `${key}:${comment}\n${block(`${indent}  `, depth + 1)}`
    if (kind < 0.4) return `${key}:${comment}\n${list(random.chance(0.5) ? indent : `${indent}  `, depth + 1)}`
    const below = random.chance(0.05) ? `${indent}# said\n` : random.chance(0.05) ? '\n' : ''
    return `${key}: ${scalar().replaceAll('\n      ', `\n${indent}  `)}${comment}\n${below}`
  }
  const list = (indent: string, depth: number): string =>
    Array.from({ length: random.between(1, 3) }, () =>
      random.chance(0.5)
        ? `${indent}- ${scalar().replaceAll('\n      ', `\n${indent}  `)}\n`
        : `${indent}- ${entry(`${indent}  `, depth)}${random.chance(0.5) ? `${indent}  ${entry(`${indent}  `, depth)}` : ''}`,
    ).join('')
  return block('', 0)
}

/** The text with a few small changes. */
export function disturbed(random: Random, text: string): string {
  let changed = text
  for (let n = random.between(1, 3); n > 0; n--) {
    const at = random.between(0, changed.length)
    const taken = random.chance(0.5) ? random.between(0, 3) : 0
    const put = random.chance(0.7) ? random.pick(PIECES) : ''
    changed = changed.slice(0, at) + put + changed.slice(at + taken)
  }
  return changed
}
