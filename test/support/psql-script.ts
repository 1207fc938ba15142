// Scripts of psql, executed as it does with ON_ERROR_STOP, as far as ours use its language: variables, \if, \gset, \i, \cd, \copy,
// \lo_import. For machines without psql; that both do the same is seen where there is one.

import { createReadStream, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

const COMMAND = /^\\([a-z_]+)[ \t]*(.*)$/
const VARIABLE = /^:(?:'(\w+)'|"(\w+)"|(\w+))/

export class PsqlScript {
  readonly #client: pg.Client
  readonly #variables: Map<string, string>
  readonly #conditions: boolean[] = []
  readonly #stopAt: number
  #folder: string
  readonly #sent: string[] = []

  /** `stopAt`: the connection is gone right after so many statements were sent; 0: it stays. */
  constructor(client: pg.Client, folder: string, variables: Readonly<Record<string, string>>, stopAt = 0) {
    this.#client = client
    this.#folder = folder
    this.#variables = new Map(Object.entries(variables))
    this.#stopAt = stopAt
  }

  /** Statements so far. */
  get sent(): readonly string[] {
    return this.#sent
  }

  async file(path: string): Promise<void> {
    await this.run(readFileSync(resolve(this.#folder, path), 'utf8'))
  }

  /** Throws the server's error at the first statement that fails. */
  async run(text: string): Promise<void> {
    let [buffer, at] = ['', 0]
    while (at < text.length) {
      const rest = text.slice(at)
      const whole = quoted(rest)
      if (whole !== null) {
        if (!/^(--|\/\*)/.test(whole)) buffer += whole
        at += whole.length
      } else if (rest.startsWith('\\')) {
        const line = rest.slice(0, (rest.indexOf('\n') + 1 || rest.length + 1) - 1)
        await this.#command(line, buffer)
        if (line.startsWith('\\gset') || buffer.trim() === '') buffer = ''
        at += line.length
      } else if (rest.startsWith(';')) {
        await this.#statement(buffer)
        buffer = ''
        at += 1
      } else {
        const [length, value] = this.#next(rest)
        buffer += value
        at += length
      }
    }
  }

  get #isActive(): boolean {
    return this.#conditions.every((condition) => condition)
  }

  /** A variable, or characters in which there is none. */
  #next(rest: string): readonly [number, string] {
    const found = VARIABLE.exec(rest)
    const [literal, name, plain] = found === null ? [] : found.slice(1)
    const value = this.#variables.get(literal ?? name ?? plain ?? '')
    if (found === null || value === undefined) {
      const run = /^(::|.[^:;'"$\\\-/]*)/s.exec(rest)?.[0] ?? rest
      return [run.length, run]
    }
    if (literal !== undefined) return [found[0].length, this.#client.escapeLiteral(value)]
    return [found[0].length, name === undefined ? value : this.#client.escapeIdentifier(value)]
  }

  async #statement(sql: string): Promise<pg.QueryResult | null> {
    if (!this.#isActive || sql.trim() === '') return null
    this.#sent.push(sql.trim())
    const answer = this.#client.query(sql)
    if (this.#sent.length === this.#stopAt) {
      answer.catch(() => {})
      await this.#client.end()
      throw new Error('stopped')
    }
    const result = await answer
    this.#variables.set('ROW_COUNT', String(result.rowCount ?? 0))
    return result
  }

  async #command(line: string, buffer: string): Promise<void> {
    const [, name = '', rest = ''] = COMMAND.exec(line) ?? []
    if (name === 'if') this.#conditions.push(this.#truth(rest.trim()))
    else if (name === 'else') this.#conditions.push(!this.#conditions.pop())
    else if (name === 'endif') this.#conditions.pop()
    else if (this.#isActive) await this.#do(name, rest.trim(), buffer)
  }

  #truth(text: string): boolean {
    const asked = /^:\{\?(\w+)\}$/.exec(text)?.[1]
    if (asked !== undefined) return this.#variables.has(asked)
    const value = this.#filled(text)
    if (!/^(t|f|true|false|on|off|1|0)$/.test(value)) throw new Error(`\\if ${text}: '${value}' is no boolean`)
    return /^(t|on|1)/.test(value)
  }

  async #do(name: string, rest: string, buffer: string): Promise<void> {
    switch (name) {
      case 'set': {
        const [variable = '', ...values] = rest.split(/\s+/)
        this.#variables.set(variable, values.map((value) => this.#filled(value)).join(''))
        return
      }
      case 'gset': {
        const result = await this.#statement(buffer)
        const [row] = result?.rows ?? []
        if (result?.rows.length !== 1) throw new Error('\\gset needs one row')
        for (const [key, value] of Object.entries(row as Record<string, unknown>)) {
          if (value === null) this.#variables.delete(key)
          else this.#variables.set(key, String(value))
        }
        return
      }
      case 'i':
        return this.file(this.#filled(rest))
      case 'cd':
        this.#folder = resolve(this.#folder, this.#filled(rest))
        return
      case 'lo_import': {
        const bytes = readFileSync(resolve(this.#folder, this.#filled(rest)))
        const made = await this.#client.query('SELECT lo_from_bytea(0, $1) AS oid', [bytes])
        this.#variables.set('LASTOID', String(made.rows[0].oid))
        return
      }
      case 'copy': {
        const [, table = '', file = '', options = ''] = /^(\S+) FROM '([^']*)' (.*)$/.exec(rest) ?? []
        const sink = this.#client.query(copyFrom(`COPY ${table} FROM STDIN ${options}`))
        return pipeline(createReadStream(join(this.#folder, file)), sink)
      }
      case 'encoding':
      case 'pset':
        return
      default:
        throw new Error(`\\${name} is not known here`)
    }
  }

  #filled(text: string): string {
    return text.replace(/:(\w+)/g, (whole, name: string) => this.#variables.get(name) ?? whole)
  }
}

/** Values as the server sends them. */
export const TEXTS: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text }

/** A quoted text, a quoted name or a comment at the beginning; null: there is none. */
function quoted(rest: string): string | null {
  const found = /^(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/)/.exec(rest)
  if (found !== null) return found[0]
  const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(rest)?.[0]
  if (tag === undefined) return null
  const end = rest.indexOf(tag, tag.length)
  return end < 0 ? rest : rest.slice(0, end + tag.length)
}
