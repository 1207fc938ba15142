// SHA-256 and size of large files, read in a thread beside this one: hashing takes as long as compiling a project does,
// and both can go on at the same time. One file after the other.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { asFingerprint } from '../contract/ids.ts'
import program from './hash-thread.ts?text'
import type { DigestedFile } from './snapshots.ts'

/** Below this, starting the thread takes longer than reading the file here. */
export const LARGE_BYTES = 64 * 1024 * 1024

export class HashThread {
  #worker: Worker | undefined

  /** Null when it cannot be told here; who reads the file itself says why. Throws the signal's reason when that ends it. */
  async digest(path: string, signal: AbortSignal): Promise<DigestedFile | null> {
    signal.throwIfAborted()
    try {
      // It needs nothing of what this process was started with.
      this.#worker ??= new Worker(program, { eval: true, env: {}, execArgv: [] })
      this.#worker.postMessage(path)
      const [answer]: unknown[] = await once(this.#worker, 'message', { signal })
      return isDigest(answer) ? { sha256: asFingerprint(answer.sha256), sizeBytes: answer.sizeBytes } : null
    } catch {
      this.end()
      signal.throwIfAborted()
      return null
    }
  }

  /** Nothing more is asked for now. */
  end(): void {
    this.#worker?.terminate()
    this.#worker = undefined
  }
}

const isDigest = (answer: unknown): answer is { readonly sha256: string; readonly sizeBytes: number } =>
  typeof answer === 'object' && answer !== null && 'sha256' in answer
