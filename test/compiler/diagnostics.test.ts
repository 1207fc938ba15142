// Every fixture below fixtures/diagnostics/ is a project with mistakes. A line that holds one ends with `! CODE` in a
// comment (several codes when there are several); what has no line to mark is listed in case.md as - `CODE` file:line.
// `Environment: ` in case.md says for which one it is compiled.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { DIAGNOSTIC_CODES } from '../../compiler/diagnostic-codes.ts'
import { compiled } from '../support/compile.ts'
import { suite } from '../support/suite.ts'

const test = suite('diagnostics')
const FOLDER = 'fixtures/diagnostics'
const MARK = /[ \t]! ([A-Z_]+(?: [A-Z_]+)*)\s*$/
const ENVIRONMENT = /^Environment: `([a-z0-9_-]+)`$/m
const LISTED = /^- `([A-Z_]+)` (\S+)$/gm

/** `file:line CODE`, sorted. */
function expectations(fixture: string): string[] {
  const project = join(fixture, 'project')
  const files = readdirSync(project, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.(ya?ml|sql)$/i.test(path),
  )
  const marked = files.flatMap((path) =>
    readFileSync(join(project, path), 'utf8')
      .split('\n')
      .flatMap((line, i) => (MARK.exec(line)?.[1]?.split(' ') ?? []).map((code) => `${path}:${i + 1} ${code}`)),
  )
  const listed = [...readFileSync(join(fixture, 'case.md'), 'utf8').matchAll(LISTED)]
  return [...marked, ...listed.map(([, code, place]) => `${place} ${code}`)].sort()
}

const produced = new Set<string>()

for (const name of readdirSync(FOLDER)) {
  const fixture = join(FOLDER, name)
  test(`every mistake of '${name}' is reported in one run, where it is`, async () => {
    const expected = expectations(fixture)
    assert.ok(expected.length > 0, `${fixture} expects nothing`)
    const environment = ENVIRONMENT.exec(readFileSync(join(fixture, 'case.md'), 'utf8'))?.[1]
    const options = environment === undefined ? {} : { environment }
    const { diagnostics } = await compiled(join(fixture, 'project'), options)
    for (const { code } of diagnostics) produced.add(code)
    assert.equal(diagnostics.map((d) => `${d.place.file}:${d.place.line} ${d.code}`).sort(), expected)
  })
}

test('every code of a mistake is produced by a fixture', () => {
  assert.equal(
    Object.keys(DIAGNOSTIC_CODES).filter((code) => !produced.has(code)),
    [],
  )
})

test('every fixture says what it is about', () => {
  const silent = readdirSync(FOLDER).filter((name) => !existsSync(join(FOLDER, name, 'case.md')))
  assert.equal(silent, [])
})

test.run()
