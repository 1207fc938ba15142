import * as assert from 'uvu/assert'
import { lex, statementRanges } from '../../../compiler/sql/lexer.ts'
import { analysisEngine } from '../../support/analysis.ts'
import { seeded } from '../../support/random.ts'
import { suite } from '../../support/suite.ts'

const test = suite('lexer')

const tokensOf = (text: string): string[] =>
  lex(text).map((token) => `${token.kind} ${text.slice(token.start, token.end)}`)

const PIECES = [
  "'it''s; \\'",
  "E'a\\'; b'",
  '"quo""ted;"',
  "$$ ; ' $$",
  '$t$ $$ ; $t$',
  '-- don\'t; "x\n',
  "/* ; /* nested ' */ ; */",
  'word',
  'é$1',
  '1.5e-3',
  '0xFF',
  '1_000',
  '.5',
  '(',
  ')',
  '[',
  ']',
  ',',
  '.',
  '::',
  '->>',
  '=>',
  '||',
  '<>',
  '*',
  '/',
  '-',
  ':=',
  '{{ name }}',
  "'{{ env('A') }}'",
  ' ',
  '\n',
  '\u00a0',
  '$1',
  '?',
  '@',
] as const

test('tokens and white space between them are the whole text, whatever it is', () => {
  const random = seeded(7)
  for (let i = 0; i < 2_000; i++) {
    const text = Array.from({ length: random.between(0, 12) }, () => {
      const piece = random.pick(PIECES)
      return random.chance(0.15) ? piece.slice(0, random.between(0, piece.length)) : piece
    }).join('')
    const tokens = lex(text)
    let rest = ''
    let at = 0
    for (const { start, end } of tokens) {
      assert.ok(start >= at && end > start && end <= text.length, text)
      rest += text.slice(at, start)
      at = end
    }
    assert.match(rest + text.slice(at), /^[\s\u200b]*$/, JSON.stringify(text))
  }
})

test('texts, names, comments and numbers are what the engine says they are', () => {
  assert.equal(tokensOf("SELECT E'a\\'b', 'c''d' FROM \"x\"\"y\" -- 'z\n;"), [
    'word SELECT',
    "string E'a\\'b'",
    'punctuation ,',
    "string 'c''d'",
    'word FROM',
    'quoted "x""y"',
    "comment -- 'z",
    'punctuation ;',
  ])
  assert.equal(tokensOf('a/* /* ; */ */-b--c'), [
    'word a',
    'comment /* /* ; */ */',
    'operator -',
    'word b',
    'comment --c',
  ])
  assert.equal(tokensOf('x::INT->>$$a;$$ $1 .5e3 1.2'), [
    'word x',
    'operator ::',
    'word INT',
    'operator ->>',
    'string $$a;$$',
    'parameter $1',
    'number .5e3',
    'number 1.2',
  ])
})

test('a placeholder is one token, or a part of a text or name', () => {
  assert.equal(tokensOf("{{ env('A') }} 'x {{ env('A') }} y' {'a': {'b': 1}}").slice(0, 3), [
    "placeholder {{ env('A') }}",
    "string 'x {{ env('A') }} y'",
    'punctuation {',
  ])
  assert.equal(lex("'{{ a }}{{b}} {{ 1 }}'")[0]?.placeholders, [
    { start: 1, end: 8 },
    { start: 8, end: 13 },
  ])
})

test('statements are those that the engine finds', async () => {
  const random = seeded(11)
  const parts = [
    "SELECT ';'",
    'SELECT $$;$$ /* ; */',
    "SELECT 1 -- it's; here\n",
    'SELECT ";" FROM (SELECT 1 AS ";")',
    "SELECT E'\\';'",
    'SELECT /* /* ; */ ; */ 2',
    ' ',
    '-- only; this\n',
  ] as const
  const texts = Array.from({ length: 150 }, () =>
    Array.from({ length: random.between(1, 5) }, () => random.pick(parts)).join(random.pick([';', ';\n', ' ; ; '])),
  )
  const parsed = await (await analysisEngine()).parse(texts)
  texts.forEach((text, i) => {
    const result = parsed[i]
    assert.is(
      result?.kind === 'trees' ? result.trees.length : result?.kind,
      statementRanges(lex(text), text).length,
      text,
    )
  })
})

test.run()
