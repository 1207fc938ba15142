// The program of a thread: paths in, SHA-256 and size of each file out; null for one that cannot be read. Bundled as text.

import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'

/** Stays in the processor's cache between reading and hashing. */
const CHUNK_BYTES = 256 * 1024

parentPort?.on('message', (path: string) => parentPort?.postMessage(digestOf(path)))

function digestOf(path: string): { readonly sha256: string; readonly sizeBytes: number } | null {
  try {
    const file = openSync(path, 'r')
    try {
      const hash = createHash('sha256')
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
      let sizeBytes = 0
      for (;;) {
        const bytes = readSync(file, buffer, 0, CHUNK_BYTES, null)
        if (bytes === 0) return { sha256: hash.digest('hex'), sizeBytes }
        sizeBytes += bytes
        hash.update(buffer.subarray(0, bytes))
      }
    } finally {
      closeSync(file)
    }
  } catch {
    return null
  }
}
