// How long an environment lives: its time to live, what is said of it, what `clean` removes, and an env_config.json that
// says nonsense.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { cli, does, ends } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempProject } from '../support/temp.ts'

const test = suite('cli/environment-life')

const DAY = 24 * 60 * 60 * 1000
const configOf = (folder: string, name = 'dev') => join(folder, `target/environments/${name}/env_config.json`)

interface Row {
  readonly name: string
  readonly status: string
  readonly last_used_at: string
  readonly expires_at: string
}
const rows = async (folder: string): Promise<readonly Row[]> =>
  JSON.parse(await does(folder, ['env', 'list', '--json']))

/** Days between its last use and its end. */
async function lives(folder: string): Promise<number> {
  const [row] = await rows(folder)
  return (Date.parse(row?.expires_at ?? '') - Date.parse(row?.last_used_at ?? '')) / DAY
}

/** As if it had been used for the last time so many days ago. */
function usedBefore(folder: string, days: number): void {
  const config = JSON.parse(readFileSync(configOf(folder), 'utf8'))
  const at = new Date(Date.now() - days * DAY).toISOString()
  writeFileSync(configOf(folder), JSON.stringify({ ...config, last_used_at: at }))
}

test('An environment lives for seven days after its last use, or as long as its plan says', async () => {
  const folder = tempProject(shop)
  await does(folder, ['env', 'plan', 'dev'])
  assert.is(await lives(folder), 7)
  await does(folder, ['env', 'plan', 'dev', '--ttl', '30d'])
  assert.is(await lives(folder), 30)
  await does(folder, ['env', 'apply', 'dev'])
  await does(folder, ['plan', 'dev'])
  assert.is(await lives(folder), 30, 'a later plan keeps it')
  await does(folder, ['plan', 'dev', '--ttl', '12h'])
  assert.is(await lives(folder), 0.5)
  for (const text of ['0', '500ms', '3651d', 'soon', '-1d'])
    assert.match((await ends(2, folder, ['env', 'plan', 'dev', `--ttl=${text}`])).err, /--ttl/)
  assert.match((await ends(2, folder, ['plan', '--ttl', '30d'])).err, /seeknal plan <env>/)
  assert.is(await lives(folder), 0.5)
})

test('What expired is listed as such and goes with `clean`; what does not is left alone, and use makes it live on', async () => {
  const folder = tempProject(shop)
  await does(folder, ['env', 'plan', 'dev', '--ttl', '30d'])
  usedBefore(folder, 29)
  assert.is((await rows(folder))[0]?.status, 'planned')
  await does(folder, ['clean'])
  assert.ok(existsSync(configOf(folder)))
  usedBefore(folder, 31)
  assert.is((await rows(folder))[0]?.status, 'expired')
  await does(folder, ['env', 'apply', 'dev'])
  assert.is((await rows(folder))[0]?.status, 'applied')
  usedBefore(folder, 31)
  await does(folder, ['clean'])
  assert.equal(await rows(folder), [])
})

test('A configuration that says nonsense hides no other environment, and planning again makes it right', async () => {
  const folder = tempProject(shop)
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'plan', 'other'])
  const good = JSON.parse(readFileSync(configOf(folder), 'utf8'))
  const nonsense = [
    { ttl_seconds: 1e300 },
    { ttl_seconds: -5 },
    { ttl_seconds: 0.5 },
    { last_used_at: 'soon' },
    { last_used_at: '2026-13-01T00:00:00Z' },
    { created_at: '' },
    { status: 'odd' },
  ]
  for (const wrong of nonsense) {
    writeFileSync(configOf(folder), JSON.stringify({ ...good, ...wrong }))
    const name = JSON.stringify(wrong)
    assert.equal(
      (await rows(folder)).map((row) => [row.name, row.status]),
      [
        ['dev', 'unreadable'],
        ['other', 'planned'],
      ],
      name,
    )
    assert.match((await cli(folder, ['env', 'list'])).all, /env_config\.json/, name)
    await does(folder, ['clean'])
    await does(folder, ['env', 'plan', 'dev'])
    assert.is((await rows(folder))[0]?.status, 'planned', name)
  }
})

test('The report gives times in whole milliseconds', async () => {
  const folder = tempProject(shop)
  await does(folder, ['env', 'plan', 'dev'])
  await does(folder, ['env', 'apply', 'dev'])
  const report = readFileSync(join(folder, 'target/environments/dev/report.md'), 'utf8')
  assert.match(report, /\| `transform\.daily` \| executed \| 2 \| \d+ \|/)
})

test.run()
