// The built command loads nothing heavy before it needs it.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { command, seeknal, succeeds } from '../support/seeknal.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('cli/startup')

/** Says at the end of a process what it loaded besides Node: native libraries and CommonJS packages. */
const probe = join(tempFolder('probe'), 'probe.cjs')
writeFileSync(
  probe,
  `process.on('exit', () => {
  const loaded = [...process.report.getReport().sharedObjects, ...Object.keys(require.cache)]
  const heavy = ['duckdb', 'ts-morph', 'typescript'].filter((name) => loaded.some((path) => path.includes(name)))
  process.stderr.write('HEAVY ' + heavy.join(' ') + '\\n')
})`,
)
const heavy = (folder: string, args: readonly string[]) =>
  /HEAVY (.*)/.exec(seeknal(folder, args, { env: { NODE_OPTIONS: `--require=${probe}` } }).err)?.[1]

test('Help, version, completion and mistakes load neither engine nor compiler', () => {
  const folder = tempFolder()
  for (const args of [
    ['--version'],
    ['--version', '--json'],
    ['--help'],
    ['--help', '--json'],
    ['run', '--help'],
    ['env', 'plan', '--help'],
    ['completion', 'bash'],
    ['words', 'nodes'],
    ['plann'],
    ['run'],
  ])
    assert.is(heavy(folder, args), '', args.join(' '))
})

test('A run with nothing to do loads neither; a run with something to do loads the engine', async () => {
  const folder = tempProject(shop)
  await setTimeout(80)
  assert.is(heavy(folder, ['run'])?.includes('duckdb'), true)
  assert.is(heavy(folder, ['run']), '')
  for (const args of [['history'], ['env', 'list'], ['unlock'], ['clean'], ['words', 'nodes']])
    assert.is(heavy(folder, args), '', args.join(' '))
})

test('The exit code is the command’s own', () => {
  const folder = tempProject(shop)
  assert.is(seeknal(folder, ['validate']).code, 0)
  assert.is(seeknal(folder, ['validat']).code, 2)
  assert.match(succeeds(folder, ['--version']), /^\d+\.\d+\.\d+\n$/)
})

/** A copy of the built command, so that what it keeps is its own. */
function installed(): string {
  const folder = tempFolder('installed')
  cpSync(join(dirname(command), '../..'), join(folder, 'dist'), {
    recursive: true,
    filter: (path) => !path.endsWith('/code'),
  })
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'))
  return join(folder, 'dist/compiler/cli')
}

const version = (folder: string): string => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(folder, 'main.js'), '--version'], {
    encoding: 'utf8',
  })
  assert.is(status, 0, stderr)
  return stdout
}

test('A command keeps the code that the engine of JavaScript made of it, and starts without it too', () => {
  const folder = installed()
  const kept = join(folder, 'code')
  const first = version(folder)
  const [file = ''] = readdirSync(kept)
  assert.match(file, /^start-.*\.bin$/)
  assert.is(version(folder), first)
  const whole = readFileSync(join(kept, file))
  for (const damage of [whole.subarray(0, whole.length / 2), Buffer.from(''), Buffer.concat([whole, whole])]) {
    writeFileSync(join(kept, file), damage)
    assert.is(version(folder), first, `${damage.length} bytes`)
  }
  assert.ok(readFileSync(join(kept, file)).length > 1000, 'what was damaged is made again')
})

test('Kept code is used for a project of thousands of files, too', () => {
  const folder = installed()
  const kept = join(folder, 'code')
  const many = Array.from({ length: 2001 }, (_, i) => [`seeknal/common/f${i}.yml`, '{}\n'])
  const cwd = tempProject({
    'seeknal_project.yml': 'name: many\n',
    'seeknal/a.yml': 'kind: transform\nname: a\ntransform: SELECT 1 AS a\n',
    ...Object.fromEntries(many),
  })
  const written = () => {
    const args = [join(folder, 'main.js'), 'compile', '--stop-after', 'load']
    assert.is(spawnSync(process.execPath, args, { cwd }).status, 0)
    return readdirSync(kept).map((file) => statSync(join(kept, file)).mtimeMs)
  }
  written()
  const second = written()
  assert.is(second.length, 1)
  assert.equal(written(), second, 'after two starts nothing is written any more')
})

test('Code that was kept of another program is not used', () => {
  const folder = installed()
  version(folder)
  const [main, program] = ['main.js', 'program.cjs'].map((name) => join(folder, name))
  const text = readFileSync(program ?? '', 'utf8')
  // As long as before, which is all that V8 looks at.
  writeFileSync(program ?? '', text.replaceAll('0.1.0', '9.9.9'))
  const digest = /"[0-9a-f]{64}"/.exec(readFileSync(main ?? '', 'utf8'))?.[0] ?? ''
  writeFileSync(main ?? '', readFileSync(main ?? '', 'utf8').replace(digest, JSON.stringify('f'.repeat(64))))
  assert.is(version(folder), '9.9.9\n')
})

test('A command that may write nothing beside itself starts all the same', () => {
  const folder = installed()
  writeFileSync(join(folder, 'code'), 'a file is where the folder would be')
  assert.match(version(folder), /^\d/)
  rmSync(join(folder, 'code'))
  chmodSync(folder, 0o555)
  assert.match(version(folder), /^\d/)
  chmodSync(folder, 0o755)
  assert.ok(existsSync(join(folder, 'main.js')))
})

test.run()
