// Runs the test files whose paths its parent sends, and answers each with its report (support/test-process.ts). A file that
// waits for ever or ends the process leaves its report where SEEKNAL_TEST_REPORT says.

import type { Answer } from '../support/test-process.ts'

// uvu reads it when it is loaded: nothing runs by itself.
Reflect.set(globalThis, 'UVU_DEFER', true)
const { runTestFile } = await import('../support/suite.ts')

let isRunning = false
// The runner lets go between files; whoever is gone before has been killed.
process.on('disconnect', () => {
  if (isRunning) process.exit(1)
})

process.on('message', async (file: string) => {
  // A file that has nothing left to wait for ends the process, as it does alone.
  process.channel?.unref()
  isRunning = true
  const report = await runTestFile(file)
  isRunning = false
  const answer: Answer = { report, code: Number(process.exitCode ?? 0) }
  process.exitCode = 0
  process.send?.(answer)
  process.channel?.ref()
})
