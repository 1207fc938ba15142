// Names and values that hold control characters: no command sends one to a terminal, and none breaks the lines of a table.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { complete } from '../../runtime/repl/completion.ts'
import { cli, does } from '../support/cli.ts'
import { prepared } from '../support/prepared.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/control characters')

/** Clears the screen, sets the title, C1's own CSI, turns the text around; and a second line that looks like ours. */
const EVIL = '\u001b[2J\u001b]0;evil\u0007\u009b31m\u202e\n✓ all is well'
const SHOWN = '\\u001b[2J\\u001b]0;evil\\u0007\\u009b31m\\u202e'
const name = `"n ${EVIL}"`

const odd = (values: string, more = '') => `kind: transform
name: odd
transform: ${JSON.stringify(`SELECT 1 AS id, ${values} AS ${name}${more}`)}
`
const literal = `'v ${EVIL}'`

const project = prepared(async () => {
  const folder = tempProject({
    'seeknal_project.yml': 'name: odd\nversion: "1.0.0"\n',
    'seeknal/odd.yml': odd(literal),
    'seeknal/reader.yml':
      'kind: transform\nname: reader\ninputs: [{ref: transform.odd}]\ntransform: SELECT * FROM transform.odd\n',
  })
  await does(folder, ['run'])
  writeFileSync(
    join(folder, 'seeknal/odd.yml'),
    odd(`${literal} || '2'`, `, {${JSON.stringify(`f ${EVIL}`)}: 1} AS ${JSON.stringify(`s ${EVIL}`)}`),
  )
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  writeFileSync(join(folder, 'draft_transform_more.yml'), odd(literal).replace('name: odd', 'name: more'))
  return folder
})

/** Without the colours that a terminal gets. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const plain = (text: string): string => text.replace(/\u001b\[(1|2|22|3[1-6]|39)m/g, '')

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const RAW = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/

const COMMANDS: readonly (readonly string[])[] = [
  ['inspect', 'odd'],
  ['inspect', 'odd', '--env', 'dev'],
  ['inspect', 'odd', '--schema'],
  ['repl', '-e', 'FROM transform.odd'],
  ['repl', '-e', 'DESCRIBE transform.odd'],
  ['repl', '-e', 'FROM transform.odd', '--format', 'markdown'],
  ['repl', '-e', `EXPLAIN SELECT ${name} FROM transform.odd WHERE ${name} = ${literal}`],
  ['env', 'diff', 'dev'],
  ['env', 'diff', 'dev', 'odd', '--samples'],
  ['env', 'plan', 'dev'],
  ['env', 'apply', 'dev', '--force'],
  ['env', 'list'],
  ['plan'],
  ['diff'],
  ['diff', '--sql'],
  ['parse'],
  ['lineage', 'odd.id'],
  ['lineage', 'reader', '--column', `n ${EVIL}`],
  ['lineage', 'reader', '--column', `n ${EVIL}`, '--format', 'mermaid'],
  ['dry-run', 'draft_transform_more.yml'],
  ['bundle', 'show', 'target/environments/dev/bundle'],
]

const FAILING: readonly (readonly string[])[] = [
  ['repl', '-e', `SELECT CAST(${name} AS INTEGER) FROM transform.odd`],
  ['repl', '-e', `SELECT ${name}, nothing FROM transform.odd`],
  ['lineage', `odd.${EVIL}`],
  ['inspect', EVIL],
  ['env', 'diff', 'dev', EVIL],
  ['run', '--nodes', EVIL],
  [EVIL],
]

test('No command sends a control character of a name or a value to a terminal, nor in a table or Markdown to a pipe', async () => {
  const folder = await project()
  for (const tty of [true, false])
    for (const args of [...COMMANDS, ...FAILING]) {
      const { all, code } = await cli(folder, args, { tty })
      assert.not.match(plain(all), RAW, args.join(' '))
      assert.is(code, FAILING.includes(args) ? code || 'a failure' : 0, `${args.join(' ')}\n${all}`)
    }
})

test('A line feed in a name or a value begins no line of an answer', async () => {
  const folder = await project()
  for (const args of COMMANDS) {
    if (args.includes('--sql') || args.includes('apply')) continue
    const out = await does(folder, args)
    assert.not.match(out, /^✓ all is well/m, args.join(' '))
  }
  assert.match(
    await does(folder, ['inspect', 'odd']),
    new RegExp(`^  n ${escapedPattern(`${SHOWN}\\n✓ all is well`)}`, 'm'),
  )
})

test('A line feed in the name of a file begins no line of a message', async () => {
  const folder = tempProject({
    'seeknal_project.yml': 'name: odd\n',
    'seeknal/a\n✓ all is well.yml': 'kind: transform\nname: a\ntransform: SELECT nothing\n',
  })
  assert.match((await cli(folder, ['validate'])).all, /^✗ seeknal\/a\\n✓ all is well\.yml:3:19: /)
})

const escapedPattern = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

test('What goes to a program or a file is exact; on a terminal it is shown with escapes', async () => {
  const folder = await project()
  const csv = ['repl', '-e', 'FROM transform.odd', '--format', 'csv']
  assert.match(await does(folder, csv), `v ${EVIL}`)
  assert.not.match(plain((await cli(folder, csv, { tty: true })).all), RAW)
  for (const tty of [true, false]) {
    const { out } = await cli(folder, ['inspect', 'odd', '--json'], { tty })
    assert.not.match(out, RAW)
    assert.is(JSON.parse(out).first_rows[0][`n ${EVIL}`], `v ${EVIL}`)
  }
  const show = ['bundle', 'show', 'target/environments/dev/bundle', '--file', 'apply/transform.odd.sql']
  assert.match(await does(folder, show), EVIL)
  assert.not.match((await cli(folder, show, { tty: true })).out, RAW)
})

test('report.md has one line an item, and no control character', async () => {
  const folder = await project()
  const file = join(folder, 'target/environments/dev/report.md')
  const text = readFileSync(file, 'utf8')
  assert.not.match(text, RAW)
  assert.not.match(text, /^\s*✓ all is well/m)
})

test('A name with control characters is not offered by the completion of the REPL', () => {
  const table = {
    schema: 'transform',
    name: 'odd',
    place: '',
    isLive: false,
    rows: 1,
    checks: [],
    from: 'production' as const,
  }
  const columns = ['nice', `n ${EVIL}`].map((column) => ({ name: column, type: 'VARCHAR' }))
  assert.equal(
    complete('SELECT n', { tables: [{ ...table, columns }] })[0].filter((word) => word.startsWith('n')),
    ['nice'],
  )
})

test.run()
