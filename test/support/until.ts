// Waiting for what another process or a server does, as long as a machine that is busy with other things takes.

import { setTimeout as sleep } from 'node:timers/promises'

const MOST_MS = 120_000
const PAUSE_MS = 20

/** Waits until `isSo` says so; throws that `what` did not happen when it never does. */
export async function until(isSo: () => boolean | Promise<boolean>, what = 'it'): Promise<void> {
  const deadline = Date.now() + MOST_MS
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen`)
    await sleep(PAUSE_MS)
  }
}
