// What is refused before a command runs, and how the nearest name is found.

import * as assert from 'uvu/assert'
import { checkArguments, listed, listItem, milliseconds, wholeNumber } from '../../runtime/cli/arguments.ts'
import { command } from '../../runtime/cli/command.ts'
import { cli, does, ends } from '../support/cli.ts'
import { rejects } from '../support/rejects.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('cli/arguments')

const sample = command({
  about: '',
  examples: [],
  args: {
    file: { type: 'positional', required: true },
    nodes: { type: 'string' },
    exec: { type: 'string', alias: 'e' },
    format: { type: 'enum', options: ['csv', 'json'], alias: 'f' },
    full: { type: 'boolean' },
  },
  lists: ['nodes'],
  run: async () => 0,
})
const checked = (...argv: string[]) => checkArguments(argv, sample, 'seeknal sample').raw

test('Values are taken after a space or an equals sign, and short names stand for long ones', () => {
  assert.equal(checked('a.yml', '--exec', 'SELECT 1', '-f=csv'), ['--exec=SELECT 1', '--format=csv', '--', 'a.yml'])
  assert.equal(checked('-e', '-', '--full', '--', '--odd'), ['--exec=-', '--full', '--', '--odd'])
})

test('SQL that begins with a comment is a value, another option is not', async () => {
  assert.equal(checked('f', '-e', '-- note\nSELECT 1'), ['--exec=-- note\nSELECT 1', '--', 'f'])
  await rejects(() => checked('f', '--exec', '--full'), 'USAGE')
  await rejects(() => checked('f', '--exec'), 'USAGE')
})

test('A list may be repeated, and of another option the last counts', () => {
  assert.equal(checked('f', '--nodes', 'a', '--nodes', 'b,c'), ['--nodes=a,b,c', '--', 'f'])
  assert.equal(checked('f', '-f', 'csv', '-f', 'json'), ['--format=json', '--', 'f'])
  assert.equal(listed(' a, b ,,c'), ['a', 'b', 'c'])
  assert.equal(listed(undefined), [])
})

test('A name of a list that holds a comma stands in quotes, as in CSV', async () => {
  const names = ['b,c', 'a', ' d', 'say "hi, you"', '"', 'half"way', 'e ']
  assert.equal(listed(names.map(listItem).join(',')), names)
  assert.equal(listed('a , "b,c" ,""'), ['a', 'b,c'])
  assert.equal(checked('f', '--nodes', '"b,c"', '--nodes', 'a'), ['--nodes="b,c",a', '--', 'f'])
  for (const wrong of ['"b', 'a,"b,c', '"b"c', '"']) await rejects(() => listed(wrong), 'USAGE')
  await rejects(() => checked('f', '--nodes', '"b', '--nodes', 'c"'), 'USAGE')
})

test('A tag that holds a comma selects, and is suggested, in quotes', async () => {
  const orders = shop['seeknal/sources/orders.yml'].replace('[raw]', '[raw, "b,c"]')
  const folder = tempProject({ ...shop, 'seeknal/sources/orders.yml': orders })
  const { execute } = JSON.parse(await does(folder, ['run', '--dry-run', '--json', '--tags', '"b,c"']))
  assert.equal(execute, ['source.orders'])
  assert.match(
    (await ends(2, folder, ['run', '--tags', 'b,c'])).err,
    /No node fits '--tags b'.*\n.*Did you mean '"b,c"'\?/,
  )
  assert.match((await ends(2, folder, ['run', '--tags', '"b,c'])).err, /the quotes of "b,c do not enclose one name/)
})

test('Unknown options, excess and missing arguments, values of flags and unknown choices are refused', async () => {
  const unknown = await rejects(() => checked('f', '--nods', 'a'), 'USAGE')
  assert.is(unknown.facts.nearest, '--nodes')
  for (const wrong of [['f', 'g'], [], ['f', '--full=yes'], ['f', '--format', 'xml'], ['f', '-x']])
    await rejects(() => checked(...wrong), 'USAGE')
})

test('Numbers and durations have a form', async () => {
  assert.is(wholeNumber('12', '--limit', 1), 12)
  assert.is(milliseconds('30s', '--x'), 30_000)
  assert.is(milliseconds('5m', '--x'), 300_000)
  assert.is(milliseconds('2', '--x'), 2000)
  for (const text of ['-1', '1.5', 'x', '', '1e9']) await rejects(() => wholeNumber(text, '--limit', 0), 'USAGE')
  await rejects(() => milliseconds('soon', '--x'), 'USAGE')
})

test('A misspelled command or option exits with 2 and suggests the right one', async () => {
  const folder = tempFolder()
  assert.match((await ends(2, folder, ['plann'])).err, /Did you mean 'seeknal plan'/)
  assert.match((await ends(2, folder, ['env', 'aply', 'dev'])).err, /Did you mean 'seeknal env apply'/)
  assert.match((await ends(2, folder, ['env', 'plan', 'dev', '--profil', 'x'])).err, /--profile/)
  assert.match((await ends(2, folder, ['toString'])).err, /no command 'toString'/)
  assert.match((await ends(2, folder, [])).err, /Commands:/)
})

test('Options of the original that did nothing are refused, not ignored', async () => {
  const project = tempProject(shop)
  for (const option of ['--backfill', '--restate', '--start', '--end'])
    assert.is((await cli(project, ['run', option])).code, 2, option)
})

test('An option that is for production only is refused with an environment', async () => {
  const project = tempProject(shop)
  for (const option of [['--full'], ['--nodes', 'a'], ['--tags', 'raw'], ['--exclude-tags', 'raw']])
    assert.match((await ends(2, project, ['run', '--env', 'dev', ...option])).err, /for production/)
})

test('A usage error with --json is also a value on stdout', async () => {
  const { out, err } = await ends(2, tempFolder(), ['run', '--jsn', '--json'])
  assert.is(JSON.parse(out).error.code, 'USAGE')
  assert.match(err, /--json/)
})

test.run()
