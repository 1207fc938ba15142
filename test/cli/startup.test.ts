// The built command loads nothing heavy before it needs it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { seeknal, succeeds } from '../support/seeknal.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('cli/startup')

/** Says at the end of a process what it loaded besides Node: native libraries and CommonJS packages. */
const probe = join(tempFolder('probe'), 'probe.mjs')
writeFileSync(
  probe,
  `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
process.on('exit', () => {
  const loaded = [...process.report.getReport().sharedObjects, ...Object.keys(require.cache)]
  const heavy = ['duckdb', 'ts-morph', 'typescript'].filter((name) => loaded.some((path) => path.includes(name)))
  process.stderr.write('HEAVY ' + heavy.join(' ') + '\\n')
})`,
)
const heavy = (folder: string, args: readonly string[]) =>
  /HEAVY (.*)/.exec(seeknal(folder, args, { env: { NODE_OPTIONS: `--import=${pathToFileURL(probe).href}` } }).err)?.[1]

test('Help, version, completion and mistakes load neither engine nor compiler', () => {
  const folder = tempFolder()
  for (const args of [
    ['--version'],
    ['--help'],
    ['run', '--help'],
    ['env', 'plan', '--help'],
    ['completion', 'bash'],
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
  for (const args of [['history'], ['env', 'list'], ['unlock'], ['clean']])
    assert.is(heavy(folder, args), '', args.join(' '))
})

test('The exit code is the command’s own', () => {
  const folder = tempProject(shop)
  assert.is(seeknal(folder, ['validate']).code, 0)
  assert.is(seeknal(folder, ['validat']).code, 2)
  assert.match(succeeds(folder, ['--version']), /^\d+\.\d+\.\d+\n$/)
})

test.run()
