import * as assert from 'uvu/assert'
import { canonicalJson, fingerprintOf, prettyJson, sha256 } from '../../../runtime/contract/canonical-json.ts'
import { type Random, seeded } from '../../support/random.ts'
import { suite } from '../../support/suite.ts'

const test = suite('canonical JSON')

const keys = ['a', 'b', 'Z', 'é', '10', '9', '__proto__', 'constructor', '', 'a"b', '\u2028', 'toJSON'] as const
const scalars = [
  null,
  true,
  false,
  0,
  -0,
  1.5,
  1e21,
  -7,
  '',
  'text',
  '","',
  '[\n1\n]',
  'a\\"b\n',
  '\u0000',
  '\ud800',
  'x'.repeat(90),
] as const

function anyValue(random: Random, depth: number): unknown {
  const shape = depth === 0 ? 0 : random.between(0, 3)
  if (shape <= 1) return random.pick(scalars)
  const size = random.between(0, 4)
  if (shape === 2) return Array.from({ length: size }, () => anyValue(random, depth - 1))
  const pairs = Array.from({ length: size }, () => [random.pick(keys), anyValue(random, depth - 1)] as const)
  return Object.assign(Object.create(null), Object.fromEntries(pairs))
}

/** The definition, as short as it can be said. */
function defined(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(defined).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${pairs.map(([key, member]) => `${JSON.stringify(key)}:${defined(member)}`).join(',')}}`
}

test('It is the definition: keys in code-unit order, nothing between', () => {
  const random = seeded(11)
  for (let i = 0; i < 3000; i++) {
    const value = anyValue(random, 4)
    assert.is(canonicalJson(value), defined(value))
    assert.is(canonicalJson(JSON.parse(prettyJson(value))), canonicalJson(value))
    assert.is(prettyJson(JSON.parse(prettyJson(value))), prettyJson(value))
  }
})

test('The pretty text is laid out the same whatever the keys are', () => {
  const layout = (key: string) => prettyJson({ [key]: [1, 'a', 'b'], z: [{ x: [] }, 'y'], zz: ['x'.repeat(90)] })
  assert.is(layout('1').replace('"1"', '"a"'), layout('a'))
  assert.is(
    layout('a'),
    `{\n  "a": [1,"a", "b"],\n  "z": [\n    {\n      "x": []\n    },\n    "y"\n  ],\n  "zz": [\n    "${'x'.repeat(90)}"\n  ]\n}\n`,
  )
})

test('What is left out is left out, and an empty place in a list is null', () => {
  assert.is(canonicalJson({ b: undefined, a: [undefined, 1] }), '{"a":[null,1]}')
  assert.is(canonicalJson({ 1: undefined, a: [undefined, 1] }), '{"a":[null,1]}')
  assert.is(canonicalJson(undefined), 'null')
})

test('A digest is the one of every other tool', () => {
  assert.is(sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.is(sha256(new TextEncoder().encode('é')), sha256('é'))
  assert.is(fingerprintOf({ b: 1, a: 2 }), sha256('{"a":2,"b":1}'))
})

test('A long text has the digest of its bytes, wherever its characters of two units stand', () => {
  for (const before of ['', 'a'])
    for (const character of ['é', '😀', '\ud83d']) {
      const text = before + character.repeat(300_000)
      assert.is(sha256(text), sha256(Buffer.from(text)), JSON.stringify(before + character))
    }
})

test.run()
