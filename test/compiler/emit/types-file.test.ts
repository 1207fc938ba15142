import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  DuckDBBlobValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  type DuckDBValue,
} from '@duckdb/node-api'
import * as assert from 'uvu/assert'
import { propertyName, typescriptType } from '../../../compiler/emit/column-types.ts'
import { typesFile } from '../../../compiler/emit/types-file.ts'
import { noCache } from '../../../compiler/ports.ts'
import type { Manifest } from '../../../runtime/contract/manifest.ts'
import { smallManifest } from '../../support/bundles.ts'
import { bundleOf } from '../../support/compile.ts'
import { Session } from '../../support/duckdb.ts'
import { goldenCase, projectOf } from '../../support/golden.ts'
import { suite } from '../../support/suite.ts'
import { tempFolder } from '../../support/temp.ts'

const test = suite('types.ts')

/** What the compiler says about texts, by the name of each: one that has no mistake is missing. */
function problems(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const folder = tempFolder('types')
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, `${name}.ts`), text)
  const options = '--ignoreConfig --noEmit --strict --skipLibCheck --target es2022 --lib es2022 --types'.split(' ')
  const args = [resolve('node_modules/typescript/bin/tsc'), ...options, '', ...Object.keys(texts).map((n) => `${n}.ts`)]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  const said = [...stdout.matchAll(/^(\w+)\.ts\(\d+,\d+\): error .*/gm)]
  assert.is(status === 0, said.length === 0, stdout + stderr)
  return Object.fromEntries(said.map(([line, name]) => [name, line]))
}

/** A value of the engine, as types.ts describes it, as source text. */
function sourceText(value: DuckDBValue): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof DuckDBBlobValue) return `new Uint8Array([${[...value.bytes].join(', ')}])`
  if (value instanceof DuckDBStructValue)
    return `{ ${Object.entries(value.entries)
      .map(([name, inner]) => `${propertyName(name)}: ${sourceText(inner)}`)
      .join(', ')} }`
  if (value instanceof DuckDBMapValue)
    return `[${value.entries.map(({ key, value: inner }) => `{ key: ${sourceText(key)}, value: ${sourceText(inner)} }`).join(', ')}]`
  if (value instanceof DuckDBListValue) return `[${value.items.map(sourceText).join(', ')}]`
  return JSON.stringify(String(value))
}

test('Every row that the engine returns fits its interface', async () => {
  const project = projectOf(goldenCase('types'))
  const outputs = tempFolder('outputs')
  const bundle = await bundleOf(project)
  const session = await Session.open()
  await session.rows(`SET VARIABLE outputs = '${outputs}'`)
  await session.script(bundle.files.get('apply.sql') ?? '')
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const tables: string[] = []
  for (const name of ['everything', 'nothing']) {
    const rows = (await connection.runAndReadAll(`FROM '${outputs}/transform_${name}.parquet'`)).getRowObjects()
    assert.is(rows.length, 1)
    const objects = rows.map(
      (row) =>
        `{ ${Object.entries(row)
          .map(([column, value]) => `${propertyName(column)}: ${sourceText(value)}`)
          .join(', ')} }`,
    )
    tables.push(`export const ${name}: readonly Outputs['transform.${name}'][] = [${objects.join(', ')}]`)
  }
  const types = bundle.files.get('types.ts')
  const found = problems({
    right: [types, ...tables].join('\n'),
    wrong: `${types}\nexport const wrong: TransformNothing['bigint_'] = 1`,
  })
  assert.is(found.right, undefined)
  assert.match(found.wrong ?? '', /'number' is not assignable to type 'bigint'/, 'the check sees mistakes')
})

test('A type is what it says, however it is nested and whatever its fields are called', () => {
  const types = {
    'STRUCT("a, b" INTEGER, "q""(" VARCHAR[])': `{ readonly 'a, b': number | null; readonly 'q"(': readonly (string | null)[] | null }`,
    'MAP(STRUCT(a BIGINT), DECIMAL(4,1))[]':
      'readonly (readonly { readonly key: { readonly a: bigint | null }; readonly value: string | null }[] | null)[]',
    'TIMESTAMP WITH TIME ZONE': 'string',
    'INTEGER[3]': 'readonly (number | null)[]',
    GEOMETRY: 'unknown',
  }
  for (const [type, expected] of Object.entries(types)) assert.is(typescriptType(type), expected, type)
})

test('Ids that would share a name, and descriptions that look like code, give a file that compiles', async () => {
  const [node] = smallManifest.nodes
  if (node === undefined) return
  const named = (id: string, description: string) => ({
    ...node,
    id,
    description,
    columns: [{ name: 'a\'b"\\', type: 'INTEGER', description }],
  })
  const manifest: Manifest = {
    ...smallManifest,
    nodes: [
      named('transform.a_b', '*/ export {} /*'),
      named('transform.aB', 'x\r\ny'),
      named('transform.AB', '@deprecated {x'),
      { ...named('transform.late', ''), columns: null },
    ],
  }
  const text = await typesFile(manifest, noCache)
  assert.equal(problems({ text }), {})
  assert.not.match(text, '\r')
})

test('What was printed once is not printed again', async () => {
  const kept = new Map<string, unknown>()
  const cache = { get: (key: string) => kept.get(key), set: (key: string, value: unknown) => void kept.set(key, value) }
  const first = await typesFile(smallManifest, cache)
  const known = kept.size
  assert.is(await typesFile(smallManifest, cache), first)
  assert.is(kept.size, known)
  assert.is(known, smallManifest.nodes.length + 2, 'each interface, the index and the whole')
})

test.run()
