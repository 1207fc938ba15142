// The password of a connection that names none, where libpq's own tools find it: PGPASSWORD, then the password file
// (PGPASSFILE, else ~/.pgpass). A file that others can read does not count, as for libpq.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Secret } from '../contract/secret.ts'
import { readIfThere } from '../store/files.ts'

export interface PasswordOwner {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
}

/** `from` says where it was found, in words. */
export function foundPassword(
  owner: PasswordOwner,
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): { readonly password: Secret; readonly from: string } | null {
  const set = environment.PGPASSWORD
  if (set !== undefined && set !== '') return { password: new Secret(set), from: 'PGPASSWORD' }
  const named = environment.PGPASSFILE || null
  const path = named ?? join(home, '.pgpass')
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isFile() !== true || (stat.mode & 0o077) !== 0) return null
  const password = lookedUp(readIfThere(path) ?? '', owner)
  return password === null ? null : { password: new Secret(password), from: named ?? '~/.pgpass' }
}

/** The first line `host:port:database:user:password` that fits. Pure. */
function lookedUp(text: string, { host, port, database, user }: PasswordOwner): string | null {
  // A socket in the folder where servers put it by default is looked up as localhost.
  const wanted = [host === '/tmp' || host === '/var/run/postgresql' ? 'localhost' : host, String(port), database, user]
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const parts = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map((match) => unescaped(match[1] ?? ''))
    const [password] = parts.slice(4)
    if (password === undefined) continue
    if (wanted.every((value, i) => parts[i] === '*' || parts[i] === value)) return password
  }
  return null
}

const unescaped = (text: string): string => text.replace(/\\(.)/g, '$1')
