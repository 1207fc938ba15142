// Which files a source reads, as its author meets it.

import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { ends } from '../support/cli.ts'
import { shop } from '../support/shop.ts'
import { suite } from '../support/suite.ts'
import { tempFolder, tempProject } from '../support/temp.ts'

const test = suite('cli/source-files')

const source = (path: string) => `kind: source\nname: customers\nsource: csv\ntable: ${path}\n`

test('A file out of the project, or one that is no data, is not even looked at', async () => {
  const folder = tempProject({ ...shop, 'profiles.yml': 'password_s3cr3t,b\n1,2\n' })
  const outside = join(tempFolder('outside'), 'secret.csv')
  writeFileSync(outside, 'password_s3cr3t,b\n1,2\n')
  symlinkSync(outside, join(folder, 'data/link.csv'))
  symlinkSync(join(folder, 'profiles.yml'), join(folder, 'data/profile.csv'))
  for (const path of ['data/link.csv', 'data/profile.csv', 'data/[p]rofile.csv', 'data/*', 'profiles.yml', 'p*.yml']) {
    writeFileSync(join(folder, 'seeknal/sources/customers.yml'), source(`"${path}"`))
    for (const command of [['plan'], ['run'], ['compile']]) {
      const { err, all } = await ends(2, folder, command)
      assert.match(err, /^✗ seeknal\/sources\/customers\.yml:4:[89]: /m, `${command} ${path}`)
      assert.not.match(all, /s3cr3t/)
    }
  }
  const lock = join(folder, 'seeknal.lock.json')
  assert.not.ok(existsSync(lock) && readFileSync(lock, 'utf8').includes('s3cr3t'))
})

test.run()
