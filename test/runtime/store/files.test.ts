import { existsSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { foldersTo } from '../../../runtime/store/files.ts'
import { suite } from '../../support/suite.ts'
import { tempProject } from '../../support/temp.ts'

const test = suite('files')

test('Folders are made with those above them, and what is in their place is an error', () => {
  const root = tempProject({ file: 'x', 'real/kept': 'x' })
  symlinkSync(join(root, 'real'), join(root, 'linked'))
  symlinkSync(join(root, 'nothing'), join(root, 'dangling'))
  for (const path of ['a/b/c', 'a/b/c', 'linked', 'linked/d']) {
    foldersTo(join(root, path))
    assert.ok(statSync(join(root, path)).isDirectory(), path)
  }
  assert.throws(() => foldersTo(join(root, 'file')), /EEXIST/)
  assert.throws(() => foldersTo(join(root, 'file/below')), /ENOTDIR/)
  assert.throws(() => foldersTo(join(root, 'dangling')), /EEXIST/)
  if (existsSync('/proc/self')) assert.throws(() => foldersTo('/proc/none/below'), /ENOENT/)
})

test.run()
