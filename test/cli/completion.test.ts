// Completion of commands, options and names, executed by the shells themselves.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { VERBS } from '../../compiler/cli/verbs.ts'
import { isGroup, shownVerbs, type Verbs } from '../../runtime/cli/command.ts'
import { does, ends } from '../support/cli.ts'
import { prepared } from '../support/prepared.ts'
import { command } from '../support/seeknal.ts'
import { shop } from '../support/shop.ts'
import { skip } from '../support/skip.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject, writeFiles } from '../support/temp.ts'

const test = suite('cli/completion')

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

/** The command by its name. What it is asked again in the same folder it answers as it did. */
const bin = tempFolder('bin')
writeFileSync(
  join(bin, 'seeknal'),
  `#!/bin/sh
answer="${bin}/$(printf '%s' "$PWD $*" | tr -c 'a-zA-Z0-9=-' _).answer"
if [ ! -e "$answer" ]; then "${process.execPath}" "${command}" "$@" >"$answer" || { code=$?; rm "$answer"; exit $code; }; fi
cat "$answer"
`,
  { mode: 0o755 },
)

function requireShell(shell: Shell): void {
  if (spawnSync(shell, ['-c', 'true']).status !== 0) skip(`there is no ${shell} here`)
}

function shellSays(
  shell: Shell,
  cwd: string,
  flags: readonly string[],
  text: string,
  words: readonly string[],
): string[] {
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, HOME: join(cwd, '.no-home') }
  const { stdout, stderr } = spawnSync(shell, [...flags, '-c', text, ...words], { encoding: 'utf8', cwd, env })
  assert.is(stderr, '', `${shell}: ${words.join(' ')}`)
  return stdout.split('\n').filter((line) => line !== '')
}

/** Production and the environments dev and review; transform.extra is in a file only. */
const project = prepared(async () => {
  const folder = tempProject(shop)
  await does(folder, ['run'])
  const daily = 'seeknal/transforms/daily.yml'
  writeFiles(folder, { [daily]: shop[daily].replace('SUM(amount)', 'SUM(amount * 2)') })
  for (const name of ['dev', 'review']) await does(folder, ['env', 'plan', name])
  writeFiles(folder, {
    'seeknal/transforms/extra.yml':
      'kind: transform\nname: extra # not yet run\ntags: [fresh, "b,c"]\ntransform: SELECT 1 AS n\n',
    'draft_transform_new.yml': '',
    'draft_$(touch evil).yml': '',
    'draft_a b.yml': '',
  })
  return folder
})

let asked: Promise<readonly [folder: string, elsewhere: string]> | undefined

/** Where all shells ask, since none of them changes anything; and a folder that holds no project. */
const places = () => {
  asked ??= project().then((folder) => [folder, tempFolder()] as const)
  return asked
}

const NODES = ['source.customers', 'source.orders', 'transform.daily', 'transform.extra', 'transform.orders_full']

/** What each shell must offer for a command line whose last word is being typed. */
const OFFERED: readonly (readonly [line: readonly string[], words: readonly string[]])[] = [
  [['env', 'pl'], ['plan']],
  [
    ['env', ''],
    ['plan', 'apply', 'promote', 'list', 'diff', 'delete'],
  ],
  [
    ['env', 'plan', 'dev', '--fail-on', ''],
    ['breaking', 'any'],
  ],
  [['repl', '--format', 'c'], ['csv']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [
    ['draft', ''],
    ['source', 'transform'],
  ],
  [['inspect', ''], NODES],
  [['inspect', 'transform.d'], ['transform.daily']],
  [['inspect', 'dai'], ['daily']],
  [
    ['lineage', 'source.'],
    ['source.customers', 'source.orders'],
  ],
  [['run', '--nodes', 'source.o'], ['source.orders']],
  [['run', '--nodes', 'source.orders,source.'], ['source.orders,source.customers']],
  [['run', '--nodes=source.o'], ['source.orders']],
  [['run', '--exclude', 'transform.e'], ['transform.extra']],
  [
    ['run', '--tags', ''],
    ['"b,c"', 'fresh', 'mart', 'raw'],
  ],
  [['run', '--types', 's'], ['source']],
  [
    ['run', '--env', ''],
    ['dev', 'review'],
  ],
  [['repl', '--env', 'r'], ['review']],
  [
    ['env', 'diff', ''],
    ['dev', 'review'],
  ],
  [['env', 'diff', '--limit', '3', 'dev', 'transform.d'], ['transform.daily']],
  [['env', 'delete', 'd'], ['dev']],
  [
    ['promote', 'dev', ''],
    ['dev', 'prod', 'review'],
  ],
  [
    ['unlock', ''],
    ['dev', 'review'],
  ],
  [['dry-run', 'draft'], ['draft_transform_new.yml']],
  [['schema', 'transf'], ['transform']],
]

const sorted = (words: readonly string[]) => [...words].sort()

test('Completion names every command and option', async () => {
  const names = (verbs: Verbs): string[] =>
    shownVerbs(verbs).flatMap(([name, entry]) => (isGroup(entry) ? [name, ...names(entry.verbs)] : [name]))
  for (const shell of SHELLS) {
    const script = await does(tempFolder(), ['completion', shell])
    for (const name of names(VERBS)) assert.ok(script.includes(name), `${shell}: ${name}`)
    assert.match(script, /continue-on-error/)
    const document = JSON.parse(await does(tempFolder(), ['completion', shell, '--json']))
    assert.equal(document, { shell, script })
  }
  await ends(2, tempFolder(), ['completion', 'tcsh'])
})

async function scriptFile(shell: Shell): Promise<string> {
  requireShell(shell)
  const file = join(tempFolder('script'), shell === 'zsh' ? '_seeknal' : `seeknal.${shell}`)
  writeFileSync(file, await does(tempFolder(), ['completion', shell]))
  return file
}

/** Readline's words: `=` is one of its own. */
const readline = (line: readonly string[]) => line.flatMap((word) => (/^--.*=/.test(word) ? word.split(/(=)/) : [word]))

const BASH = `COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _seeknal seeknal; printf '%s\\n' "\${COMPREPLY[@]}"`

test('bash completes commands, options, values and the names of nodes, environments, tags and drafts', async () => {
  const file = await scriptFile('bash')
  const [folder, elsewhere] = await places()
  const ask = (cwd: string, line: readonly string[]) =>
    shellSays('bash', cwd, ['--norc'], `. ${file}; ${BASH}`, ['bash', 'seeknal', ...readline(line)])
  const typed = (words: readonly string[]) => words.map((word) => word.replaceAll('"', '\\"'))
  for (const [line, words] of OFFERED) assert.equal(sorted(ask(folder, line)), sorted(typed(words)), line.join(' '))
  assert.equal(ask(folder, ['run', '--tags', '\\"b,c\\",m']), ['\\"b,c\\",mart'])
  assert.equal(ask(folder, ['run', '--no']), ['--nodes', '--no-color'])
  assert.equal(ask(elsewhere, ['inspect', '']), [], 'no project, no names and no error')
  assert.equal(ask(elsewhere, ['--project-path', folder, 'env', 'delete', '']), ['dev', 'review'])
  assert.equal(ask(elsewhere, ['dry-run', '']), [], 'the shell completes files, whose names it quotes')
  assert.is(spawnSync('bash', ['-n', file]).status, 0)
})

test('fish completes the same', async () => {
  const file = await scriptFile('fish')
  const [folder, elsewhere] = await places()
  const ask = (cwd: string, line: readonly string[]) =>
    shellSays(
      'fish',
      cwd,
      ['--no-config'],
      `source ${file}; complete -C ${JSON.stringify(`seeknal ${line.join(' ')}`)}`,
      [],
    ).map((offered) => offered.split('\t')[0] ?? '')
  for (const [line, words] of OFFERED) {
    const whole = line.at(-1)?.startsWith('--') === true ? words.map((word) => `--nodes=${word}`) : words
    assert.equal(sorted(ask(folder, line)), sorted(whole), line.join(' '))
  }
  assert.equal(ask(elsewhere, ['inspect', '']), [])
  assert.equal(ask(elsewhere, ['--project-path', folder, 'env', 'delete', '']), ['dev', 'review'])
  assert.equal(ask(elsewhere, [`--project-path=${folder}`, 'env', 'delete', '']), ['dev', 'review'])
})

/** The completion system's own functions, as what they are called with; matching is theirs. */
const ZSH = `
compdef() { }
offer() { local one; for one in "$@"; do [[ "$one" == "$PREFIX"* ]] && print -r -- "$one"; done; true }
compadd() { shift; offer "$@" }
_describe() { if [[ "$1" == -o ]]; then shift; fi; local -a all; all=("\${(@P)2}"); offer "\${(@)all%%:*}" }
_files() { }
compset() { PREFIX="\${PREFIX#*=}" }
words=("$@"); CURRENT=$#words; PREFIX="$words[CURRENT]"
`

test('zsh completes the same', async () => {
  const file = await scriptFile('zsh')
  const [folder, elsewhere] = await places()
  const ask = (cwd: string, line: readonly string[]) =>
    shellSays('zsh', cwd, ['-f'], `${ZSH} source ${file}; _seeknal`, ['zsh', 'seeknal', ...line])
  for (const [line, words] of OFFERED) assert.equal(sorted(ask(folder, line)), sorted(words), line.join(' '))
  assert.equal(ask(elsewhere, ['inspect', '']), [])
  assert.equal(ask(elsewhere, ['--project-path', folder, 'env', 'delete', '']), ['dev', 'review'])
  assert.equal(ask(elsewhere, [`--project-path=${folder}`, 'env', 'delete', '']), ['dev', 'review'])
})

test('The zsh script can be sourced and can be a file of fpath', async () => {
  const file = await scriptFile('zsh')
  const shown = (setup: string) => {
    const done = spawnSync('zsh', ['-f', '-c', `autoload -Uz compinit; ${setup}; print -r -- "$_comps[seeknal]"`], {
      encoding: 'utf8',
      cwd: join(file, '..'),
    })
    return `${done.stdout}${done.stderr}`
  }
  assert.is(shown('compinit -u -D; source ./_seeknal'), '_seeknal\n')
  assert.is(shown('fpath=($PWD $fpath); compinit -u -D'), '_seeknal\n')
})

test('Names are printed without errors, whatever is damaged, and never one that a shell would execute', async () => {
  const folder = await project()
  assert.equal(JSON.parse(await does(folder, ['words', 'nodes', '--json'])), NODES)
  const manifest = join(folder, 'target/current/manifest.json')
  const text = readFileSync(manifest, 'utf8')
  chmodSync(manifest, 0o644)
  writeFileSync(manifest, text.replace('"id": "source.orders"', '"id": "source.$(touch evil)"'))
  assert.equal(JSON.parse(await does(folder, ['words', 'nodes', '--json'])), NODES)
  for (const damaged of ['', '{', '{"nodes": [1]}', '[]']) {
    writeFileSync(manifest, damaged)
    assert.equal(JSON.parse(await does(folder, ['words', 'nodes', '--json'])), NODES, 'the files say them all')
  }
  mkdirSync(join(folder, 'target/environments/$(touch evil)'))
  assert.is((await ends(0, folder, ['words', 'environments'])).all, 'dev\nreview\n')
  assert.is((await ends(0, folder, ['words', 'nothing'])).all, '')
  assert.is((await ends(0, tempFolder(), ['words', 'nodes'])).all, '')
})

test.run()
