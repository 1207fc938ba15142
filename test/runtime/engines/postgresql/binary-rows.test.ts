// Rows in COPY's binary format: the same bytes however the text was cut into pieces, and nothing of a text that is no rows.
// That a server reads them as they were meant is tested in targets/types.

import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as assert from 'uvu/assert'
import { Bug } from '../../../../runtime/contract/failures.ts'
import type { WireField } from '../../../../runtime/contract/target-wire.ts'
import { BinaryRows, CutRows } from '../../../../runtime/engines/postgresql/binary-rows.ts'
import { suite } from '../../../support/suite.ts'

const test = suite('engines/postgresql: binary rows')

const FIELDS: readonly WireField[] = [
  { kind: 'integer', bytes: 8 },
  { kind: 'numeric', scale: 2 },
  { kind: 'boolean' },
  { kind: 'uuid' },
  { kind: 'text' },
  { kind: 'bytea' },
  { kind: 'jsonb' },
]
const ROWS = [
  '-1,-10000.05,1,00112233-4455-6677-8899-aabbccddeeff,5,a,\n"b,2,00FF,2,{}\n',
  ',,,,,,,,,\n',
  `9223372036854775807,0.00,0,,${'ß'.length * 2 * 40_000},${'ß'.repeat(40_000)},0,,4,null\n`,
].join('')

async function encoded(text: string, pieceBytes: number): Promise<Buffer> {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, i) =>
    bytes.subarray(i * pieceBytes, (i + 1) * pieceBytes),
  )
  const made: Buffer[] = []
  await pipeline(Readable.from(pieces), new BinaryRows(FIELDS), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) made.push(chunk)
  })
  return Buffer.concat(made)
}

test('a row is spelled as the manual of PostgreSQL has it', async () => {
  const rows = await encoded(ROWS.slice(0, ROWS.indexOf('\n,') + 1), 1 << 16)
  const expected = [
    '5047434f50590aff0d0a00 00000000 00000000',
    '0007',
    '00000008 ffffffffffffffff',
    // -10000.05: the groups 1, 0, 500 of a number whose first group counts ten thousands.
    '0000000e 0003 0001 4000 0002 0001 0000 01f4',
    '00000001 01',
    '00000010 00112233445566778899aabbccddeeff',
    '00000005 612c0a2262',
    '00000002 00ff',
    '00000003 01 7b7d',
    'ffff',
  ]
  assert.is(rows.toString('hex'), expected.join('').replaceAll(' ', ''))
})

test('pieces of any size give the same bytes', async () => {
  const whole = await encoded(ROWS, ROWS.length * 2)
  for (const pieceBytes of [1, 2, 3, 7, 64, 1000, 65_536])
    assert.ok(whole.equals(await encoded(ROWS, pieceBytes)), `${pieceBytes} bytes a piece`)
})

test('a text that ends within a row, or is no rows of these columns, is never taken for rows', async () => {
  const wrong = async (text: string): Promise<unknown> => encoded(text, 10).catch((error: unknown) => error)
  assert.instance(await wrong('1,2.00,1,,1,a,0,,2,{}'), CutRows)
  assert.instance(await wrong('1,2.00'), CutRows)
  for (const text of [
    '1x,2.00,1,,1,a,0,,2,{}\n',
    '1,2.000,1,,1,a,0,,2,{}\n',
    '1,2.00,1,,2,a,0,,2,{}\n',
    '1,2.00,1,,1,a,0,,2,{},3\n',
    '1,2.00\n',
  ]) {
    const error = await wrong(text)
    assert.ok(error instanceof Bug && !(error instanceof CutRows), text)
  }
})

test.run()
