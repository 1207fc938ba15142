// Loaded before a command (`node --import`): makes the file LISTENS_SIGN when the command listens to the last of the signals that
// it winds up by.

import { writeFileSync } from 'node:fs'

process.on('newListener', (name) => {
  if (name === 'SIGHUP') setImmediate(() => writeFileSync(process.env.LISTENS_SIGN ?? '', ''))
})
