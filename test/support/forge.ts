// What an attacker does to a bundle: other texts, and every digest computed again, so that nothing shows.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bundle, type BundleFile, sealed } from '../../runtime/contract/bundle.ts'
import { sha256 } from '../../runtime/contract/canonical-json.ts'

export interface Forgery {
  readonly files?: Readonly<Record<string, string>>
  readonly contract?: Partial<BundleFile>
}

/** The bundle with other texts or another contract; its digests fit. */
export function forge<B extends Bundle>(bundle: B, { files = {}, contract = {} }: Forgery): B {
  const texts = new Map([...bundle.files, ...Object.entries(files)])
  texts.delete('bundle.json')
  const { digest: _, ...rest } = { ...bundle.contract, ...contract }
  const unsigned = {
    ...rest,
    files: Object.fromEntries([...texts].map(([path, text]) => [path, sha256(text)] as const).sort()),
  }
  const signed = sealed(unsigned)
  return { ...bundle, contract: signed.contract, files: new Map([...texts, ['bundle.json', signed.text]]) }
}

/** The same to a bundle in a folder: `change` gets the text of each file of its contract. */
export function forgeFolder(folder: string, change: (path: string, text: string) => string): void {
  const contract: BundleFile = JSON.parse(readFileSync(join(folder, 'bundle.json'), 'utf8'))
  const files = Object.fromEntries(
    Object.keys(contract.files).map((path) => [path, change(path, readFileSync(join(folder, path), 'utf8'))]),
  )
  const forged = forge({ contract, files: new Map(Object.entries(files)) }, {})
  for (const [path, text] of forged.files) writeFileSync(join(folder, path), text)
}
