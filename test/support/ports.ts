// Ports for servers of the tests: none that a system gives to whoever asks for any, so that a server which is stopped finds its
// own free when it starts again.

import { createServer } from 'node:net'

const [FIRST, LAST] = [20_000, 32_000]

/** Processes that begin at once begin at different ones. */
let last = FIRST + ((process.pid * 101) % (LAST - FIRST))

/** A port of 127.0.0.1 that nobody listens on, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  do last = last < LAST ? last + 1 : FIRST
  while (!(await isFree(last)))
  return last
}

function isFree(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const probe = createServer()
    probe.on('error', () => settle(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => settle(true)))
  })
}
