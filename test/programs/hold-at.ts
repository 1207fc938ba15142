// Loaded before a command (`node --import`): stops it before the first change below HOLD_BELOW that matches HOLD_AT, makes
// the file HOLD_SIGN, and goes on when that file is gone.

import { existsSync, writeFileSync } from 'node:fs'
import { watchChanges } from '../support/watched-changes.ts'

const MOST_MS = 120_000
const [sign, pattern] = [process.env.HOLD_SIGN ?? '', new RegExp(process.env.HOLD_AT ?? '')]
let held = false

watchChanges(process.env.HOLD_BELOW ?? '', (change) => {
  if (held || !pattern.test(change)) return
  held = true
  writeFileSync(sign, change)
  const clock = new Int32Array(new SharedArrayBuffer(4))
  for (let waited = 0; existsSync(sign) && waited < MOST_MS; waited += 10) Atomics.wait(clock, 0, 0, 10)
})
