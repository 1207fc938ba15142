// The cache of a project in two files: a small one of what every command asks for, and a large one of what is asked for when
// files of the project are compiled. A command that compiles a few of them does so without reading the large one.

import { join } from 'node:path'
import type { CompileCache } from '../ports.ts'
import { CacheFile } from './cache-file.ts'

/** What is known of files by their stamps, what the last compiles were made from, which texts of production were checked, and answers of the engine about itself. */
const ALWAYS_ASKED = ['bind.', 'compiled/', 'file:', 'form/', 'source:']
/** Asked for of all nodes, as soon as one has another interface. */
const OF_ALL_NODES = ['interface/', 'types/']

const startsWithOne = (key: string, starts: readonly string[]): boolean => starts.some((start) => key.startsWith(start))

export class ProjectCache implements CompileCache {
  readonly #small: CacheFile
  readonly #large: CacheFile

  /** `version` and `today` as of CacheFile. */
  constructor(folder: string, version: string, today: number) {
    this.#small = new CacheFile(join(folder, 'files.tsv'), version, today)
    this.#large = new CacheFile(join(folder, 'compile.tsv'), version, today)
  }

  get(key: string): unknown {
    return this.#of(key).get(key)
  }

  set(key: string, value: unknown): void {
    this.#of(key).set(key, value)
  }

  withoutReading(): CompileCache {
    return {
      get: (key) => {
        const file = this.#of(key)
        return file === this.#large && !startsWithOne(key, OF_ALL_NODES) ? file.peek(key) : file.get(key)
      },
      set: (key, value) => this.set(key, value),
    }
  }

  save(): void {
    this.#small.save()
    this.#large.save()
  }

  #of(key: string): CacheFile {
    return startsWithOne(key, ALWAYS_ASKED) ? this.#small : this.#large
  }
}
