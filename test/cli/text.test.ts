// Text for a terminal: nothing from outside reaches it as a control sequence.

import * as assert from 'uvu/assert'
import { frame } from '../../compiler/cli/diagnostics.ts'
import { lineDiff } from '../../compiler/cli/line-diff.ts'
import { Terminal } from '../../runtime/cli/terminal.ts'
import {
  counted,
  duration,
  escaped,
  oneLine,
  rendered,
  sentence,
  size,
  styled,
  thousands,
} from '../../runtime/cli/text.ts'
import { suite } from '../support/suite.ts'

const test = suite('cli/text')

test('Control characters and direction marks are shown as escapes, line feeds and tabs stay', () => {
  assert.is(escaped('a\u001b[31m\u0007b\u009bc\u202ed\ne\tf'), 'a\\u001b[31m\\u0007b\\u009bc\\u202ed\ne\tf')
  assert.is(oneLine('a\nb\tc'), 'a\\nb\\tc')
  assert.is(rendered(['x', styled('red', 'y\u001b'), [' [/b]']], true), 'x\u001b[31my\\u001b\u001b[39m [/b]')
  assert.is(rendered([styled('bold', 'y')], false), 'y')
})

test('Quantities read as a person would say them', () => {
  assert.equal(
    [counted(1, 'node'), counted(0, 'node'), counted(2, 'query', 'queries')],
    ['1 node', '0 nodes', '2 queries'],
  )
  assert.equal([duration(12.4), duration(3210), duration(125_000)], ['12 ms', '3.2 s', '2 min 5 s'])
  assert.equal(
    [thousands(1234567n), thousands(999), size(999), size(1_500_000)],
    ['1,234,567', '999', '999 B', '1.5 MB'],
  )
  assert.equal(
    [sentence("there is no node 'x'"), sentence('transform.x is late'), sentence('Done.'), sentence('a\nb')],
    ["There is no node 'x'.", 'transform.x is late.', 'Done.', 'a\nb'],
  )
})

test('--json keeps stdout for values; --quiet keeps results and problems', () => {
  const written = (options: { json: boolean; quiet: boolean }) => {
    const [out, err]: string[][] = [[], []]
    const terminal = new Terminal(
      { ...options, verbose: false, color: false, interactive: false },
      { write: (t) => out?.push(t) },
      { write: (t) => err?.push(t) },
    )
    terminal.info('i')
    terminal.result('r')
    terminal.warn('w')
    terminal.detail('d')
    if (options.json) terminal.record({ big: 2n ** 60n, map: new Map([['k', new Set([1n])]]) })
    return [out?.join(''), err?.join('')]
  }
  assert.equal(written({ json: false, quiet: false }), ['ℹ i\nr\n', '⚠ w\n'])
  assert.equal(written({ json: false, quiet: true }), ['r\n', '⚠ w\n'])
  assert.equal(written({ json: true, quiet: false }), [
    'r\n{"big":"1152921504606846976","map":{"k":[1]}}\n',
    'ℹ i\n⚠ w\n',
  ])
})

test('A diagnostic shows its line, also where the line is long or has tabs', () => {
  const lines = (diagnostic: { line: number; column: number; length: number }, text: string) =>
    frame(
      {
        code: 'X_Y',
        severity: 'error',
        message: 'wrong',
        facts: {},
        hints: ['try'],
        notes: [],
        place: { file: 'a.yml', ...diagnostic },
      },
      () => text,
    ).map((line) => rendered(line, false))
  assert.equal(lines({ line: 3, column: 3, length: 2 }, '\tabcd'), [
    '✗ a.yml:3:3: wrong [X_Y]',
    '    3 │ \tabcd',
    '      │ \t ^^',
    '  hint: try',
  ])
  assert.is(
    lines({ line: 1, column: 7, length: 2 }, "'漢字😀'字b")[2],
    '      │         ^^^',
    'wide characters take two cells',
  )
  const long = lines({ line: 1, column: 500, length: 3 }, `${'x'.repeat(499)}abc${'y'.repeat(500)}`)
  assert.ok((long[1]?.length ?? 0) < 180)
  assert.is(long[1]?.charAt(long[2]?.indexOf('^') ?? 0), 'a')
})

test('A difference of texts shows what changed with the lines around it', () => {
  const before = Array.from({ length: 12 }, (_, i) => `line ${i}`)
  const after = before.with(6, 'line six')
  assert.equal(
    lineDiff(before.join('\n'), after.join('\n')).map(({ sign, text }) => sign + text),
    ['……', ' line 3', ' line 4', ' line 5', '-line 6', '+line six', ' line 7', ' line 8', ' line 9', '……'],
  )
  assert.equal(
    lineDiff('', 'a').map(({ sign }) => sign),
    ['+'],
  )
})

test.run()
