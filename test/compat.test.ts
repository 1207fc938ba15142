// Projects as users of the Python tool write them (fixtures/compat/<case>/): each runs through the built command and
// gives the rows that its case.md shows. In case.md: `Options:` for `run`, codes of expected `Warnings:`, `Names:` that
// must be reported, and pairs of an ```sql query and its ```csv answer.

import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { queried, seeknal } from './support/seeknal.ts'
import { suite } from './support/suite.ts'
import { tempFolder } from './support/temp.ts'

const test = suite('compat')
const cases = 'fixtures/compat'

for (const name of readdirSync(cases)) {
  const text = readFileSync(join(cases, name, 'case.md'), 'utf8')
  const title = text.match(/^# (.*)$/m)?.[1] ?? name
  test(`${name}: ${title}`, () => {
    const answers = [...text.matchAll(/```sql\n([^`]*)```\s*```csv\n([^`]*)```/g)]
    assert.ok(answers.length > 0, `${name}/case.md expects nothing`)
    const folder = join(tempFolder('compat'), name)
    cpSync(join(cases, name, 'project'), folder, { recursive: true })

    const run = seeknal(folder, ['run', ...(text.match(/^Options: `(.*)`$/m)?.[1]?.split(' ') ?? [])])
    assert.is(run.code, 0, run.all)
    for (const [, sql = '', csv] of answers) assert.is(queried(folder, sql.trim()), csv, sql)

    const reported = [...codes(folder)]
    for (const code of listed(text, 'Warnings'))
      assert.ok(reported.includes(code), `${code} is not in ${reported.join(', ')}`)
    for (const id of listed(text, 'Names')) assert.ok(run.all.includes(id), `'${id}' is not named:\n${run.all}`)
  })
}

/** The items of a line such as "Names: `a`, `b`". */
const listed = (text: string, label: string): readonly string[] =>
  [...(text.match(new RegExp(`^${label}: (.*)$`, 'm'))?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, item = '']) => item)

/** Codes of what `validate --json` reports. */
function codes(folder: string): ReadonlySet<string> {
  const { out } = seeknal(folder, ['validate', '--json'])
  return new Set([...out.matchAll(/"code":\s*"([A-Z_]+)"/g)].map(([, code = '']) => code))
}

test.run()
