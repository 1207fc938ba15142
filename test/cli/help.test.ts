// Help, version, completion: made of the command definitions, at once.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { VERBS } from '../../compiler/cli/verbs.ts'
import { isGroup, type Verbs } from '../../runtime/cli/command.ts'
import { does, ends } from '../support/cli.ts'
import { skip } from '../support/skip.ts'
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

test('Completion names every command and option, and bash accepts the script', async () => {
  const folder = tempFolder()
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await does(folder, ['completion', shell])
    for (const [name] of paths(VERBS)) assert.ok(script.includes(name ?? ''), `${shell}: ${name}`)
    assert.match(script, /continue-on-error/)
  }
  await ends(2, folder, ['completion', 'tcsh'])
  if (spawnSync('bash', ['-c', 'true']).status !== 0) skip('there is no bash here')
  const file = join(folder, 'seeknal.bash')
  writeFileSync(file, await does(folder, ['completion', 'bash']))
  const ask = (...words: string[]) =>
    spawnSync(
      'bash',
      [
        '-c',
        `. ${file}; COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _seeknal; echo "\${COMPREPLY[*]}"`,
        'bash',
        ...words,
      ],
      { encoding: 'utf8' },
    ).stdout.trim()
  assert.is(spawnSync('bash', ['-n', file]).status, 0)
  assert.is(ask('seeknal', 'env', 'pl'), 'plan')
  assert.is(ask('seeknal', 'env', 'plan', 'dev', '--fail-on', ''), 'breaking any')
  assert.is(ask('seeknal', 'repl', '--format', 'c'), 'csv')
  assert.is(ask('seeknal', 'env', ''), 'plan apply promote list diff delete')
  assert.is(ask('seeknal', 'dry-run', ''), '', 'the shell completes files, whose names it quotes')
  assert.is(ask('seeknal', 'run', '--no'), '--nodes --no-color')
  assert.is(JSON.parse(await does(folder, ['completion', 'bash', '--json'])).script, readFileSync(file, 'utf8'))
})

test('The zsh script can be sourced and can be a file of fpath', async () => {
  if (spawnSync('zsh', ['-c', 'true']).status !== 0) skip('there is no zsh here')
  const folder = tempFolder()
  const file = join(folder, '_seeknal')
  writeFileSync(file, await does(folder, ['completion', 'zsh']))
  const shown = (setup: string) => {
    const done = spawnSync('zsh', ['-f', '-c', `autoload -Uz compinit; ${setup}; print -r -- "$_comps[seeknal]"`], {
      encoding: 'utf8',
      cwd: folder,
    })
    return `${done.stdout}${done.stderr}`
  }
  assert.is(shown('compinit -u -D; source ./_seeknal'), '_seeknal\n')
  assert.is(shown('fpath=($PWD $fpath); compinit -u -D'), '_seeknal\n')
})

test.run()
