// A fixture that is a project with a case.md: what to run and what must come out. In case.md: a title, `Options:` of
// `run`, codes of expected `Warnings:`, `Names:` that must be reported, and pairs of an ```sql query and its ```csv answer.

import { cpSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as assert from 'uvu/assert'
import { cli, does } from './cli.ts'
import { seeknal } from './seeknal.ts'
import { tempFolder } from './temp.ts'

export interface Case {
  readonly title: string
  readonly options: readonly string[]
  readonly warnings: readonly string[]
  readonly names: readonly string[]
  readonly answers: readonly { readonly sql: string; readonly csv: string }[]
}

export function readCase(fixture: string): Case {
  const text = readFileSync(join(fixture, 'case.md'), 'utf8')
  const line = (label: string): string => text.match(new RegExp(`^${label}: (.*)$`, 'm'))?.[1] ?? ''
  const items = (label: string): string[] => [...line(label).matchAll(/`([^`]+)`/g)].map(([, item = '']) => item)
  return {
    title: text.match(/^# (.*)$/m)?.[1] ?? basename(fixture),
    options: items('Options').flatMap((options) => options.split(' ')),
    warnings: items('Warnings'),
    names: items('Names'),
    answers: [...text.matchAll(/```sql\n([^`]*)```\s*```csv\n([^`]*)```/g)].map(([, sql = '', csv = '']) => ({
      sql: sql.trim(),
      csv,
    })),
  }
}

/** A copy of the fixture's project in a temporary folder. */
export function copyOfProject(fixture: string): string {
  const folder = join(tempFolder(basename(fixture)), 'project')
  cpSync(join(fixture, 'project'), folder, { recursive: true })
  return folder
}

/** Runs the project with the built command and compares everything that its case.md expects; gives the folder that it ran in. */
export async function checkCase(fixture: string): Promise<string> {
  const expected = readCase(fixture)
  assert.ok(expected.answers.length > 0, `${fixture}/case.md expects nothing`)
  const folder = copyOfProject(fixture)
  const run = seeknal(folder, ['run', ...expected.options])
  assert.is(run.code, 0, run.all)
  for (const { sql, csv } of expected.answers)
    assert.is(await does(folder, ['repl', '--exec', sql, '--format', 'csv']), csv, sql)
  const reported = await codesOf(folder)
  for (const code of expected.warnings) assert.ok(reported.has(code), `${code} is not in ${[...reported].join(', ')}`)
  for (const id of expected.names) assert.ok(run.all.includes(id), `'${id}' is not named:\n${run.all}`)
  return folder
}

/** Codes of what `validate --json` reports. */
async function codesOf(folder: string): Promise<ReadonlySet<string>> {
  const { out } = await cli(folder, ['validate', '--json'])
  return new Set([...out.matchAll(/"code":\s*"([A-Z_]+)"/g)].map(([, code = '']) => code))
}
