// Help and version: made of the command definitions, at once.

import * as assert from 'uvu/assert'
import { VERBS } from '../../compiler/cli/verbs.ts'
import { isGroup, type Verbs } from '../../runtime/cli/command.ts'
import { does, ends } from '../support/cli.ts'
import { suite } from '../support/suite.ts'
import { tempFolder } from '../support/temp.ts'

const test = suite('cli/help')

function paths(verbs: Verbs, before: readonly string[] = []): string[][] {
  return Object.entries(verbs).flatMap(([name, entry]) =>
    isGroup(entry) ? [[...before, name], ...paths(entry.verbs, [...before, name])] : [[...before, name]],
  )
}

test('Every command has help with an example that starts with the command', async () => {
  const folder = tempFolder()
  for (const path of paths(VERBS)) {
    const help = await does(folder, [...path, '--help'])
    const examples = help.split('Examples:\n')[1] ?? ''
    assert.match(examples, new RegExp(`seeknal ${path[0]}`), path.join(' '))
    assert.not.match(help, /undefined|\[object/, path.join(' '))
  }
})

test('Examples use only commands and options that exist', async () => {
  for (const path of paths(VERBS)) {
    const help = await does(tempFolder(), [...path, '--help'])
    const lines = (help.split('Examples:\n')[1] ?? '').split('\n')
    for (const [, rest] of lines.map((line) => /^ {2}seeknal (.*?)(?: {2}.*| [<>|].*)?$/.exec(line) ?? []))
      for (const option of rest?.match(/ --[a-z-]+/g) ?? [])
        assert.match(
          help + (await does(tempFolder(), [...(rest ?? '').split(' ').slice(0, path.length), '--help'])),
          option.trim(),
          `${path.join(' ')}: ${rest}`,
        )
  }
})

test('What is only for programs is not in the help, and is not what a misspelled command is taken for', async () => {
  const folder = tempFolder()
  assert.not.match(await does(folder, ['--help']), /^ {2}words/m)
  assert.not.match((await ends(2, folder, ['word'])).err, /words/)
})

test('A group without a command shows its help and exits with 2', async () => {
  assert.match((await ends(2, tempFolder(), ['env'])).err, /promote/)
  assert.match((await ends(2, tempFolder(), ['bundle'])).err, /verify/)
})

test('--version and --help work before and after a command, also where there is no project', async () => {
  const folder = tempFolder()
  assert.is(await does(folder, ['--version']), '0.0.0\n')
  assert.match(await does(folder, ['--project-path', '/nowhere', 'plan', '--help']), /seeknal plan/)
  assert.match(await does(folder, ['-h']), /Commands:/)
})

interface HelpDocument {
  readonly command: string
  readonly about: string
  readonly commands?: readonly {
    readonly name: string
    readonly about: string
    readonly commands?: readonly string[]
  }[]
  readonly arguments?: readonly Record<string, unknown>[]
  readonly options?: readonly Record<string, unknown>[]
  readonly options_of_every_command: readonly Record<string, unknown>[]
  readonly examples: readonly { readonly command: string; readonly what: string }[]
}

test('--help --json is the help of every command and group as one document', async () => {
  const folder = tempFolder()
  const document = async (...path: readonly string[]): Promise<HelpDocument> =>
    JSON.parse(await does(folder, [...path, '--help', '--json']))
  const groups = new Set(paths(VERBS).flatMap(([group, verb]) => (verb === undefined ? [] : [group])))
  for (const path of paths(VERBS)) {
    const help = await document(...path)
    assert.is(help.command, ['seeknal', ...path].join(' '))
    assert.ok(help.about.length > 0 && help.examples.length > 0, path.join(' '))
    assert.is(help.commands !== undefined, path.length === 1 && groups.has(path[0]), path.join(' '))
    assert.is(help.options === undefined, help.commands !== undefined)
    const text = await does(folder, [...path, '--help'])
    for (const { name } of help.options ?? []) assert.match(text, String(name))
    assert.is(help.options_of_every_command.length, 7)
  }
  const repl = await document('repl')
  assert.equal(
    repl.options?.find(({ name }) => name === '--format'),
    {
      name: '--format',
      aliases: ['-f'],
      value: 'choice',
      choices: ['table', 'csv', 'json', 'markdown'],
      repeatable: false,
      description: 'How rows are shown (default: table); csv and json are of the last statement',
    },
  )
  const run = await document('run')
  const nodes = run.options?.find(({ name }) => name === '--nodes')
  assert.equal([nodes?.value, nodes?.choices, nodes?.repeatable], ['a,b', null, true])
  assert.is(run.options?.find(({ name }) => name === '--full')?.value, null)
  const draft = await document('draft')
  assert.equal(
    draft.arguments?.map(({ name, required }) => [name, required]),
    [
      ['kind', true],
      ['name', true],
    ],
  )
  const all = await document()
  assert.equal(
    all.commands?.map(({ name }) => name),
    Object.keys(VERBS).filter((name) => name !== 'words'),
  )
  assert.equal(all.commands?.find(({ name }) => name === 'exec')?.commands, ['bundle'])
})

test('Without a command --json gives the help as a document too, and the exit code stays 2', async () => {
  for (const path of [[], ['env'], ['bundle']]) {
    const { out, err } = await ends(2, tempFolder(), [...path, '--json'])
    assert.is(JSON.parse(out).command, ['seeknal', ...path].join(' '))
    assert.match(err, /Commands:/)
  }
})

test('--version --json is a document with name and version', async () => {
  for (const args of [
    ['--version', '--json'],
    ['--json', 'run', '--version'],
  ])
    assert.equal(JSON.parse(await does(tempFolder(), args)), { name: 'seeknal', version: '0.0.0' })
})

test.run()
